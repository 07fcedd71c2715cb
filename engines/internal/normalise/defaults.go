package normalise

import (
	"encoding/json"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

type object = map[string]any

// defaulters fill in what an API server would, for the kinds that people write most. Only static defaults
// are here: what depends on the cluster (cluster IPs, tokens) is not a default.
//
// Source: pkg/apis/*/v1/defaults.go of Kubernetes 1.37.
var defaulters = map[schema.GroupKind]func(object){
	{Group: "", Kind: "Pod"}:                   defaultPod,
	{Group: "", Kind: "PodTemplate"}:           func(o object) { defaultTemplate(o, "template") },
	{Group: "", Kind: "ReplicationController"}: defaultReplicationController,
	{Group: "", Kind: "Service"}:               defaultService,
	{Group: "", Kind: "Secret"}:                func(o object) { set(o, "type", "Opaque") },
	{Group: "", Kind: "PersistentVolumeClaim"}: func(o object) { set(child(o, "spec"), "volumeMode", "Filesystem") },
	{Group: "", Kind: "PersistentVolume"}:      defaultPersistentVolume,
	{Group: "", Kind: "Namespace"}:             defaultNamespace,

	{Group: "apps", Kind: "Deployment"}:  defaultDeployment,
	{Group: "apps", Kind: "StatefulSet"}: defaultStatefulSet,
	{Group: "apps", Kind: "DaemonSet"}:   defaultDaemonSet,
	{Group: "apps", Kind: "ReplicaSet"}:  defaultReplicaSet,

	{Group: "batch", Kind: "Job"}:     defaultJob,
	{Group: "batch", Kind: "CronJob"}: defaultCronJob,

	{Group: "autoscaling", Kind: "HorizontalPodAutoscaler"}: func(o object) { set(child(o, "spec"), "minReplicas", number("1")) },

	{Group: "networking.k8s.io", Kind: "NetworkPolicy"}:              defaultNetworkPolicy,
	{Group: "rbac.authorization.k8s.io", Kind: "RoleBinding"}:        defaultBinding,
	{Group: "rbac.authorization.k8s.io", Kind: "ClusterRoleBinding"}: defaultBinding,

	{Group: "storage.k8s.io", Kind: "StorageClass"}:                                 defaultStorageClass,
	{Group: "scheduling.k8s.io", Kind: "PriorityClass"}:                             func(o object) { set(o, "preemptionPolicy", "PreemptLowerPriority") },
	{Group: "admissionregistration.k8s.io", Kind: "ValidatingWebhookConfiguration"}: defaultWebhooks,
	{Group: "admissionregistration.k8s.io", Kind: "MutatingWebhookConfiguration"}:   defaultMutatingWebhooks,
}

func setDefaults(gvk schema.GroupVersionKind, o object) {
	if fill, known := defaulters[gvk.GroupKind()]; known {
		fill(o)
	}
}

func defaultPod(o object) {
	spec := child(o, "spec")
	set(spec, "enableServiceLinks", true)
	defaultPodSpec(spec)
	for _, container := range append(children(spec, "containers"), children(spec, "initContainers")...) {
		defaultRequests(container)
	}
}

// defaultRequests takes limits for requests that are not given; for pods only, not for templates.
func defaultRequests(container object) {
	resources, _ := container["resources"].(object)
	limits, _ := resources["limits"].(object)
	for name, limit := range limits {
		requests, isObject := resources["requests"].(object)
		if !isObject {
			requests = object{}
			resources["requests"] = requests
		}
		set(requests, name, limit)
	}
}

func defaultReplicationController(o object) {
	set(child(o, "spec"), "replicas", number("1"))
	defaultTemplate(child(o, "spec"), "template")
}

func defaultDeployment(o object) {
	spec := child(o, "spec")
	set(spec, "replicas", number("1"))
	set(spec, "revisionHistoryLimit", number("10"))
	set(spec, "progressDeadlineSeconds", number("600"))
	strategy := ensure(spec, "strategy")
	set(strategy, "type", "RollingUpdate")
	if strategy["type"] == "RollingUpdate" {
		rolling := ensure(strategy, "rollingUpdate")
		set(rolling, "maxUnavailable", "25%")
		set(rolling, "maxSurge", "25%")
	}
	defaultTemplate(spec, "template")
}

func defaultStatefulSet(o object) {
	spec := child(o, "spec")
	set(spec, "podManagementPolicy", "OrderedReady")
	set(spec, "replicas", number("1"))
	set(spec, "revisionHistoryLimit", number("10"))
	strategy := ensure(spec, "updateStrategy")
	set(strategy, "type", "RollingUpdate")
	if strategy["type"] == "RollingUpdate" {
		set(ensure(strategy, "rollingUpdate"), "partition", number("0"))
	}
	retention := ensure(spec, "persistentVolumeClaimRetentionPolicy")
	set(retention, "whenDeleted", "Retain")
	set(retention, "whenScaled", "Retain")
	for _, claim := range children(spec, "volumeClaimTemplates") {
		set(claim, "apiVersion", "v1")
		set(claim, "kind", "PersistentVolumeClaim")
		set(child(claim, "spec"), "volumeMode", "Filesystem")
		set(ensure(claim, "status"), "phase", "Pending")
	}
	defaultTemplate(spec, "template")
}

func defaultDaemonSet(o object) {
	spec := child(o, "spec")
	set(spec, "revisionHistoryLimit", number("10"))
	strategy := ensure(spec, "updateStrategy")
	set(strategy, "type", "RollingUpdate")
	if strategy["type"] == "RollingUpdate" {
		rolling := ensure(strategy, "rollingUpdate")
		set(rolling, "maxUnavailable", number("1"))
		set(rolling, "maxSurge", number("0"))
	}
	defaultTemplate(spec, "template")
}

func defaultReplicaSet(o object) {
	set(child(o, "spec"), "replicas", number("1"))
	defaultTemplate(child(o, "spec"), "template")
}

func defaultJob(o object) {
	spec := child(o, "spec")
	_, hasCompletions := spec["completions"]
	_, hasParallelism := spec["parallelism"]
	if !hasCompletions && !hasParallelism {
		set(spec, "completions", number("1"))
	}
	set(spec, "parallelism", number("1"))
	set(spec, "backoffLimit", number("6"))
	set(spec, "completionMode", "NonIndexed")
	set(spec, "suspend", false)
	if _, has := spec["podFailurePolicy"]; has {
		set(spec, "podReplacementPolicy", "Failed")
	}
	set(spec, "podReplacementPolicy", "TerminatingOrFailed")
	defaultTemplate(spec, "template")
}

func defaultCronJob(o object) {
	spec := child(o, "spec")
	set(spec, "concurrencyPolicy", "Allow")
	set(spec, "suspend", false)
	set(spec, "successfulJobsHistoryLimit", number("3"))
	set(spec, "failedJobsHistoryLimit", number("1"))
	defaultTemplate(child(child(spec, "jobTemplate"), "spec"), "template")
}

func defaultService(o object) {
	spec := child(o, "spec")
	set(spec, "sessionAffinity", "None")
	set(spec, "type", "ClusterIP")
	if spec["sessionAffinity"] == "ClientIP" {
		set(ensure(ensure(spec, "sessionAffinityConfig"), "clientIP"), "timeoutSeconds", number("10800"))
	}
	for _, port := range children(spec, "ports") {
		set(port, "protocol", "TCP")
		if value, has := port["port"]; has {
			set(port, "targetPort", value)
		}
	}
	kind := spec["type"]
	if kind == "NodePort" || kind == "LoadBalancer" {
		set(spec, "externalTrafficPolicy", "Cluster")
	}
	if kind == "LoadBalancer" {
		set(spec, "allocateLoadBalancerNodePorts", true)
	}
	if kind != "ExternalName" {
		set(spec, "internalTrafficPolicy", "Cluster")
	}
}

func defaultPersistentVolume(o object) {
	spec := child(o, "spec")
	set(spec, "persistentVolumeReclaimPolicy", "Retain")
	set(spec, "volumeMode", "Filesystem")
	if path, has := spec["hostPath"].(object); has {
		set(path, "type", "")
	}
}

func defaultNamespace(o object) {
	name, isText := child(o, "metadata")["name"].(string)
	if isText && name != "" {
		set(ensure(child(o, "metadata"), "labels"), "kubernetes.io/metadata.name", name)
	}
}

func defaultNetworkPolicy(o object) {
	spec := child(o, "spec")
	rules := append(children(spec, "ingress"), children(spec, "egress")...)
	for _, rule := range rules {
		for _, port := range children(rule, "ports") {
			set(port, "protocol", "TCP")
		}
	}
	types := []any{"Ingress"}
	if egress, isList := spec["egress"].([]any); isList && len(egress) > 0 {
		types = append(types, "Egress")
	}
	set(spec, "policyTypes", types)
}

const rbacGroup = "rbac.authorization.k8s.io"

func defaultBinding(o object) {
	set(child(o, "roleRef"), "apiGroup", rbacGroup)
	for _, subject := range children(o, "subjects") {
		if subject["kind"] == "User" || subject["kind"] == "Group" {
			set(subject, "apiGroup", rbacGroup)
		}
	}
}

func defaultStorageClass(o object) {
	set(o, "reclaimPolicy", "Delete")
	set(o, "volumeBindingMode", "Immediate")
}

func defaultWebhooks(o object) {
	for _, webhook := range children(o, "webhooks") {
		set(webhook, "failurePolicy", "Fail")
		set(webhook, "matchPolicy", "Equivalent")
		set(webhook, "namespaceSelector", object{})
		set(webhook, "objectSelector", object{})
		set(webhook, "timeoutSeconds", number("10"))
		if service, has := child(webhook, "clientConfig")["service"].(object); has {
			set(service, "port", number("443"))
		}
		for _, rule := range children(webhook, "rules") {
			set(rule, "scope", "*")
		}
	}
}

func defaultMutatingWebhooks(o object) {
	defaultWebhooks(o)
	for _, webhook := range children(o, "webhooks") {
		set(webhook, "reinvocationPolicy", "Never")
	}
}

func number(text string) json.Number { return json.Number(text) }

// set gives a field a value if it has none; a nil object takes nothing.
func set(o object, name string, value any) {
	if o == nil {
		return
	}
	if _, present := o[name]; !present {
		o[name] = value
	}
}

// child returns a field that is an object, nil if it is not.
func child(o object, name string) object {
	found, _ := o[name].(object)
	return found
}

// ensure returns a field that is an object and creates it if it is missing.
func ensure(o object, name string) object {
	if o == nil {
		return nil
	}
	set(o, name, object{})
	return child(o, name)
}

// children returns the objects of a list.
func children(o object, name string) []object {
	list, _ := o[name].([]any)
	found := make([]object, 0, len(list))
	for _, each := range list {
		if element, isObject := each.(object); isObject {
			found = append(found, element)
		}
	}
	return found
}
