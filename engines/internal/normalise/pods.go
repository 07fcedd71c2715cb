package normalise

import "strings"

func defaultTemplate(of object, name string) {
	if spec := child(child(of, name), "spec"); spec != nil {
		defaultPodSpec(spec)
	}
}

func defaultPodSpec(spec object) {
	set(spec, "restartPolicy", "Always")
	set(spec, "dnsPolicy", "ClusterFirst")
	set(spec, "schedulerName", "default-scheduler")
	set(spec, "terminationGracePeriodSeconds", number("30"))
	set(spec, "securityContext", object{})
	for _, list := range []string{"containers", "initContainers", "ephemeralContainers"} {
		for _, container := range children(spec, list) {
			defaultContainer(container, spec["hostNetwork"] == true)
		}
	}
	for _, volume := range children(spec, "volumes") {
		defaultVolume(volume)
	}
}

func defaultContainer(container object, onHostNetwork bool) {
	set(container, "terminationMessagePath", "/dev/termination-log")
	set(container, "terminationMessagePolicy", "File")
	set(container, "resources", object{})
	if image, isText := container["image"].(string); isText {
		set(container, "imagePullPolicy", pullPolicy(image))
	}
	for _, port := range children(container, "ports") {
		set(port, "protocol", "TCP")
		if value, has := port["containerPort"]; has && onHostNetwork {
			set(port, "hostPort", value)
		}
	}
	for _, variable := range children(container, "env") {
		if reference := child(child(variable, "valueFrom"), "fieldRef"); reference != nil {
			set(reference, "apiVersion", "v1")
		}
	}
	for _, name := range []string{"livenessProbe", "readinessProbe", "startupProbe"} {
		defaultProbe(child(container, name))
	}
	for _, name := range []string{"postStart", "preStop"} {
		defaultHTTPGet(child(child(child(container, "lifecycle"), name), "httpGet"))
	}
}

// pullPolicy is Always for the tag latest, given or implied.
func pullPolicy(image string) string {
	if strings.Contains(image, "@") {
		return "IfNotPresent"
	}
	name := image[strings.LastIndex(image, "/")+1:]
	if _, tag, tagged := strings.Cut(name, ":"); tagged && tag != "latest" {
		return "IfNotPresent"
	}
	return "Always"
}

func defaultProbe(probe object) {
	if probe == nil {
		return
	}
	set(probe, "timeoutSeconds", number("1"))
	set(probe, "periodSeconds", number("10"))
	set(probe, "successThreshold", number("1"))
	set(probe, "failureThreshold", number("3"))
	defaultHTTPGet(child(probe, "httpGet"))
	set(child(probe, "grpc"), "service", "")
}

func defaultHTTPGet(action object) {
	set(action, "path", "/")
	set(action, "scheme", "HTTP")
}

func defaultVolume(volume object) {
	if len(volume) == 1 { // its name only
		volume["emptyDir"] = object{}
	}
	mode := number("420") // 0644
	for _, source := range []string{"secret", "configMap", "downwardAPI", "projected"} {
		set(child(volume, source), "defaultMode", mode)
	}
	set(child(volume, "hostPath"), "type", "")
	defaultFieldRefs(child(volume, "downwardAPI"))
	for _, source := range children(child(volume, "projected"), "sources") {
		set(child(source, "serviceAccountToken"), "expirationSeconds", number("3600"))
		defaultFieldRefs(child(source, "downwardAPI"))
	}
	if claim := child(child(child(volume, "ephemeral"), "volumeClaimTemplate"), "spec"); claim != nil {
		set(claim, "volumeMode", "Filesystem")
	}
}

func defaultFieldRefs(downward object) {
	for _, item := range children(downward, "items") {
		set(child(item, "fieldRef"), "apiVersion", "v1")
	}
}
