// The mapping: one document (billing), one family, one sample for each state of a seat.

package export_copilot_metrics_exporter_mapping_mapper

import (
	"encoding/json"
	"fmt"
	"runtime"

	wit "go.bytecodealliance.org/pkg/wit/types"
	mapper "wit_component/copilot_metrics_exporter_mapping_mapper"
)

const (
	document      = "billing"
	family        = "{{family}}"
	secondsPerDay = 24 * 60 * 60
)

// Describe returns what the mapping says about itself.
func Describe() mapper.Manifest {
	return mapper.Manifest{
		Name:    "{{name}}",
		Version: "0.1.0",
		Documents: []mapper.DocumentSpec{{
			Name:  document,
			Scope: mapper.Scope_Organization,
			// The default mapping uses the same document: it is fetched once for both.
			Path:  "/orgs/{org}/copilot/billing",
			Fetch: mapper.FetchKind_Plain,
			Need:  mapper.Need_Optional,
		}},
		Families: []mapper.Family{{
			Name:       family,
			Help:       "Number of billed Copilot seats by state: active or inactive in this billing cycle.",
			Kind:       mapper.MetricKind_Gauge,
			LabelNames: []string{"org", "state"},
		}},
	}
}

// Run is a run: the name of the target, and the billing document received so far. The bindings need
// the first two fields.
type Run struct {
	pinner runtime.Pinner
	handle int32

	org       string
	isHistory bool
	fetchedAt int64
	body      []byte
}

// MakeRun starts a run.
func MakeRun(target mapper.Target, span mapper.Span, _ []mapper.OptionValue) *Run {
	return &Run{org: target.Name, isHistory: span == mapper.Span_History}
}

// OnDrop is called at the end of a run.
func (run *Run) OnDrop() {}

// Feed takes the next bytes of a document.
func (run *Run) Feed(document mapper.Document, chunk []byte) wit.Result[wit.Unit, mapper.Error] {
	// A chunk may end anywhere, even within a character: parse when the document is complete.
	run.fetchedAt = document.FetchedAt
	run.body = append(run.body, chunk...)
	return wit.Ok[wit.Unit, mapper.Error](wit.Unit{})
}

// Finish returns the samples.
func (run *Run) Finish() wit.Result[mapper.SampleSet, mapper.Error] {
	samples, err := run.samples()
	if err != nil {
		return wit.Err[mapper.SampleSet](malformed(err))
	}
	return wit.Ok[mapper.SampleSet, mapper.Error](samples)
}

func (run *Run) samples() (mapper.SampleSet, error) {
	// Any document may be missing: GitHub may refuse it.
	if len(run.body) == 0 {
		return mapper.SampleSet{}, nil
	}
	var billing struct {
		Seats *struct {
			Active   float64 `json:"active_this_cycle"`
			Inactive float64 `json:"inactive_this_cycle"`
		} `json:"seat_breakdown"`
	}
	if err := json.Unmarshal(run.body, &billing); err != nil {
		return mapper.SampleSet{}, err
	}
	if billing.Seats == nil {
		return mapper.SampleSet{}, fmt.Errorf("seat_breakdown is missing")
	}
	samples := mapper.FamilySamples{
		Name: family,
		// Two indexes into the strings for each sample: the organization and the state.
		LabelValues: []uint32{0, 1, 0, 2},
		Values:      []float64{billing.Seats.Active, billing.Seats.Inactive},
	}
	if run.isHistory {
		// The start of the day that the document is about: here, of the day it was fetched.
		day := run.fetchedAt / secondsPerDay * secondsPerDay * 1000
		samples.Timestamps = wit.Some([]int64{day, day})
	}
	return mapper.SampleSet{
		Strings:  []string{run.org, "active", "inactive"},
		Families: []mapper.FamilySamples{samples},
	}, nil
}

// malformed is the error for a document that is not what it should be: the exporter keeps the last
// good one.
func malformed(err error) mapper.Error {
	return mapper.MakeErrorMalformed(mapper.Malformed{
		Document: document,
		Path:     wit.Some("seat_breakdown"),
		Reason:   err.Error(),
	})
}
