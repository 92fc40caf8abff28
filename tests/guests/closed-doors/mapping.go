// A run that tries every door to the outside. The name of the target says what it does.

package export_copilot_metrics_exporter_mapping_mapper

import (
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"runtime"
	"sync"
	"time"

	wit "go.bytecodealliance.org/pkg/wit/types"
	mapper "wit_component/copilot_metrics_exporter_mapping_mapper"
)

func Describe() mapper.Manifest {
	return mapper.Manifest{Name: "closed-doors", Version: "1"}
}

type Run struct {
	pinner runtime.Pinner
	handle int32
	does   string
}

func MakeRun(target mapper.Target, _ mapper.Span, _ []mapper.OptionValue) *Run {
	return &Run{does: target.Name}
}

func (run *Run) OnDrop() {}

func (run *Run) Feed(mapper.Document, []byte) wit.Result[wit.Unit, mapper.Error] {
	return wit.Ok[wit.Unit, mapper.Error](wit.Unit{})
}

func (run *Run) Finish() wit.Result[mapper.SampleSet, mapper.Error] {
	strings := []string{}
	see := func(name string, value any) {
		strings = append(strings, fmt.Sprintf("%s: %v", name, value))
	}
	try := func(name string, err error) {
		if err == nil {
			see(name, "open")
		} else {
			see(name, "closed")
		}
	}
	switch run.does {
	case "raises":
		panic("the day 2026-13-01 is not valid, with ghp_0123456789abcdef")
	case "sleeps":
		time.Sleep(time.Hour)
	case "exits":
		os.Exit(3)
	case "allocates":
		see("allocated", allocate())
	default:
		_, err := os.ReadFile("/etc/passwd")
		try("read", err)
		_, err = os.ReadDir("/")
		try("list", err)
		try("write", os.WriteFile("closed-doors", []byte("text"), 0o600))
		_, err = net.Dial("tcp", "127.0.0.1:1")
		try("connect", err)
		_, err = net.LookupHost("localhost.example")
		try("resolve", err)
		_, err = os.StartProcess("/bin/true", nil, &os.ProcAttr{})
		try("process", err)
		see("environment", len(os.Environ()))
		see("wall clock", time.Now().Unix())
		bytes := make([]byte, 4)
		_, _ = rand.Read(bytes)
		see("random", bytes)
	}
	return wit.Ok[mapper.SampleSet, mapper.Error](mapper.SampleSet{Strings: strings})
}

// allocate makes a gigabyte of garbage in goroutines, so that it is collected many times.
func allocate() int {
	var all sync.WaitGroup
	total := make(chan int, 10)
	for range 10 {
		all.Add(1)
		go func() {
			defer all.Done()
			sum := 0
			for range 1600 {
				sum += len(make([]byte, 64<<10))
			}
			total <- sum
		}()
	}
	all.Wait()
	sum := 0
	for range 10 {
		sum += <-total
	}
	return sum
}
