{{- define "copilot.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* 40 characters at most, because the names of dashboards and mappings are appended. */}}
{{- define "copilot.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains (include "copilot.name" .) .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "copilot.name" .) | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "copilot.selectorLabels" -}}
app.kubernetes.io/name: {{ include "copilot.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "copilot.labels" -}}
{{ include "copilot.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "copilot.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "copilot.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "copilot.image" -}}
{{- if .Values.image.digest }}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{/* A text or a whole number as text: Helm reads numbers as floats, and would write 12345678 as 1.2345678e+07. */}}
{{- define "copilot.text" -}}
{{- if kindIs "float64" . }}{{ int64 . }}{{ else }}{{ . }}{{ end }}
{{- end }}

{{/* The environment variables of the ConfigMap. */}}
{{- define "copilot.env" -}}
{{- $env := dict }}
{{- with .Values.organizations }}{{ $_ := set $env "ORG" (join "," .) }}{{ end }}
{{- with .Values.enterprises }}{{ $_ := set $env "ENTERPRISE" (join "," .) }}{{ end }}
{{- if .Values.demo }}{{ $_ := set $env "DEMO" "always" }}{{ end }}
{{- range $name, $value := .Values.env }}{{ $_ := set $env $name (include "copilot.text" $value) }}{{ end }}
{{- with $env }}{{ toYaml . }}{{ end }}
{{- end }}

{{/* The config file, or nothing if it would be empty. */}}
{{- define "copilot.config" -}}
{{- $config := deepCopy .Values.config }}
{{- with .Values.mappings.sources }}
{{- $_ := set $config "mapping" (mergeOverwrite (dict "sources" .) (default dict $config.mapping)) }}
{{- end }}
{{- if .Values.store.url }}
{{- $valkey := dict "url" .Values.store.url }}
{{- if .Values.store.secret }}
{{- with .Values.store.passwordKey }}{{ $_ := set $valkey "password_file" (printf "/run/secrets/store/%s" .) }}{{ end }}
{{- with .Values.store.caKey }}{{ $_ := set $valkey "ca_file" (printf "/run/secrets/store/%s" .) }}{{ end }}
{{- end }}
{{- $_ := set $config "store" (dict "valkey" (mergeOverwrite $valkey .Values.store.settings)) }}
{{- end }}
{{- with $config }}{{ toYaml . }}{{ end }}
{{- end }}

{{/* What the exporter signs in with: "app", "token" or nothing. */}}
{{- define "copilot.credential" -}}
{{- if .Values.demo }}
{{- else if .Values.app.id }}app
{{- else if .Values.token.secret }}token
{{- end }}
{{- end }}

{{/* The endpoints of a ServiceMonitor or PodMonitor, for a list of the context and its values. */}}
{{- define "copilot.endpoints" -}}
{{- $context := index . 0 }}
{{- $monitor := index . 1 }}
{{- if $context.Values.store.url }}
# The metrics of each replica about itself. The data is the same in all of them: see the ScrapeConfigs.
- port: metrics
  path: /metrics/self
  interval: {{ $monitor.interval }}
  relabelings:
    - {targetLabel: job, replacement: github-copilot-replicas}
    - {sourceLabels: [pod], targetLabel: instance}
    - {action: labeldrop, regex: pod|container|endpoint}
  {{- with $monitor.endpoint }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- else }}
- port: metrics
  interval: {{ $monitor.interval }}
  relabelings:
    - {targetLabel: job, replacement: github-copilot}
    # The values come from GitHub, whichever pod exports them, so a new pod must not start new series.
    - {targetLabel: instance, replacement: {{ include "copilot.fullname" $context }}}
    - {action: labeldrop, regex: pod|container|endpoint}
  {{- with $monitor.endpoint }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with $monitor.dailyInterval }}
# For the daily samples, the Prometheus resource needs tsdb: {outOfOrderTimeWindow: 400d} (docs/history.md).
- port: metrics
  path: /metrics/daily
  honorTimestamps: true
  interval: {{ . }}
  relabelings:
    - {targetLabel: job, replacement: github-copilot-daily}
  metricRelabelings:
    # Imported and written samples don't have these labels, and must continue the same series.
    - {action: labeldrop, regex: job|instance|namespace|service|pod|container|endpoint}
  {{- with $monitor.endpoint }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
{{- end }}
{{- end }}
