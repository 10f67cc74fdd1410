{{- define "llm-router.name" -}}
{{- if eq .Release.Name .Chart.Name }}{{ .Chart.Name }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 63 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "llm-router.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "llm-router.labels" -}}
{{ include "llm-router.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "llm-router.meta" -}}
name: {{ include "llm-router.name" . }}
labels:
  {{- include "llm-router.labels" . | nindent 2 }}
{{- end }}

{{- define "llm-router.image" -}}
{{- $image := .Values.image -}}
{{- with $image.registry }}{{ . }}/{{ end }}{{ $image.repository }}
{{- if $image.digest }}@{{ $image.digest }}{{ else }}:{{ $image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{- define "llm-router.configMap" -}}
{{- $config := .Values.config -}}
{{- if $config.existingConfigMap -}}
{{ $config.existingConfigMap }}
{{- else if or $config.personaPolicy $config.capabilities -}}
{{- if not (and $config.personaPolicy $config.capabilities) }}{{ fail "config: personaPolicy and capabilities are given together" }}{{ end -}}
{{ include "llm-router.name" . }}
{{- end }}
{{- end }}

{{- define "llm-router.kind" -}}
{{- ternary "StatefulSet" "Deployment" .Values.journal.persistence.enabled }}
{{- end }}

{{- define "llm-router.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (ternary (include "llm-router.name" .) "default" .Values.serviceAccount.create) }}
{{- end }}

{{- define "llm-router.env" -}}
- {name: HOST, value: "0.0.0.0"}
- {name: PORT, value: "8001"}
- {name: LLM_ROUTER_WORKERS, value: {{ .Values.workers | quote }}}
- {name: LLM_ROUTER_STATE_DIR, value: /state}
{{- if include "llm-router.configMap" . }}
- {name: LLM_ROUTER_CONFIG_DIR, value: /config}
{{- end }}
{{- with .Values.store.existingSecret }}
- {name: LLM_ROUTER_STORE_URL, valueFrom: {secretKeyRef: {name: {{ . }}, key: {{ $.Values.store.key | quote }}}}}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "llm-router.envFrom" -}}
{{- range compact (list .Values.providerKeys.existingSecret .Values.adminKey.existingSecret) }}
- secretRef: {name: {{ . }}}
{{- end }}
{{- end }}

{{- define "llm-router.container" -}}
image: {{ include "llm-router.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
env:
  {{- include "llm-router.env" . | nindent 2 }}
{{- with include "llm-router.envFrom" . | trim }}
envFrom:
  {{- . | nindent 2 }}
{{- end }}
securityContext:
  {{- toYaml .Values.securityContext | nindent 2 }}
volumeMounts:
  {{- if include "llm-router.configMap" . }}
  - {name: config, mountPath: /config, readOnly: true}
  {{- end }}
  - {name: state, mountPath: /state}
  - {name: tmp, mountPath: /tmp}
  {{- with .Values.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
