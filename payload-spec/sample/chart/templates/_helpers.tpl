{{- define "ivaap.labels" -}}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/part-of: ivaap
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{- define "ivaap.image" -}}
{{ .root.Values.image.registry }}/{{ .name }}:{{ .root.Values.image.tag | default .root.Chart.AppVersion }}
{{- end }}

{{- /* What every service container may do: nothing beyond its own process. */ -}}
{{- define "ivaap.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{- define "ivaap.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ . }}
runAsGroup: {{ . }}
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- /* Environment and volume with which a service reaches the database. */ -}}
{{- define "ivaap.databaseEnv" -}}
- name: IVAAP_DB_HOST
  value: {{ .Values.database.host | quote }}
- name: IVAAP_DB_PORT
  value: {{ .Values.database.port | quote }}
- name: IVAAP_DB_NAME
  value: {{ .Values.database.name | quote }}
- name: IVAAP_DB_USER
  value: {{ .Values.database.user | quote }}
- name: IVAAP_DB_PASSWORD_FILE
  value: /run/secrets/ivaap-database/password
{{- end }}

{{- define "ivaap.databaseVolume" -}}
- name: database
  secret:
    secretName: {{ .Values.database.secret }}
    items: [{ key: password, path: password }]
{{- end }}

{{- /* Probes of an HTTP service: quick to become ready, slow to be restarted. */ -}}
{{- define "ivaap.probes" -}}
startupProbe:
  httpGet: { path: {{ .live }}, port: http }
  periodSeconds: 1
  timeoutSeconds: 5
  failureThreshold: 60
livenessProbe:
  httpGet: { path: {{ .live }}, port: http }
  periodSeconds: 10
  timeoutSeconds: 10
  failureThreshold: 6
readinessProbe:
  httpGet: { path: {{ .ready }}, port: http }
  periodSeconds: 2
  timeoutSeconds: 5
  failureThreshold: 3
{{- end }}
