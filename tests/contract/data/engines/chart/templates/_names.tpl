{{- define "harbour.name" -}}{{ .Release.Name }}-{{ .Chart.Name }}{{- end -}}
