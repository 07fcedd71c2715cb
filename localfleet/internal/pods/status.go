package pods

import (
	"hash/fnv"
	"net/netip"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// statusFor returns the status a kubelet would report for a pod in the given stage.
func statusFor(pod *core.Pod, s stage, now meta.Time) core.PodStatus {
	address := addressOf(pod)
	status := core.PodStatus{
		Phase:              phaseOf(s),
		ObservedGeneration: pod.Generation,
		StartTime:          &now,
		PodIP:              address,
		PodIPs:             []core.PodIP{{IP: address}},
		Conditions:         conditionsFor(s, now),
	}
	if pod.Status.StartTime != nil {
		status.StartTime = pod.Status.StartTime
	}
	for _, c := range pod.Spec.InitContainers {
		status.InitContainerStatuses = append(status.InitContainerStatuses, core.ContainerStatus{
			Name: c.Name, Image: c.Image, ImageID: imageID, Ready: true, State: terminated(0, *status.StartTime, now),
		})
	}
	for _, c := range pod.Spec.Containers {
		status.ContainerStatuses = append(status.ContainerStatuses, containerStatus(pod, c, s, now))
	}
	return status
}

// imageID only has to be present: nothing was pulled.
const imageID = "sha256:0000000000000000000000000000000000000000000000000000000000000000"

func phaseOf(s stage) core.PodPhase {
	switch s {
	case imagePullBackOff:
		return core.PodPending
	case succeeded:
		return core.PodSucceeded
	case failed:
		return core.PodFailed
	default:
		return core.PodRunning
	}
}

func conditionsFor(s stage, now meta.Time) []core.PodCondition {
	ready, reason := core.ConditionFalse, ""
	switch s {
	case runningReady:
		ready = core.ConditionTrue
	case succeeded:
		reason = "PodCompleted"
	case failed:
		reason = "PodFailed"
	default:
		reason = "ContainersNotReady"
	}
	conditions := []core.PodCondition{
		{Type: core.PodScheduled, Status: core.ConditionTrue, LastTransitionTime: now},
		{Type: core.PodInitialized, Status: core.ConditionTrue, LastTransitionTime: now},
	}
	for _, t := range []core.PodConditionType{core.ContainersReady, core.PodReady} {
		conditions = append(conditions, core.PodCondition{
			Type: t, Status: ready, Reason: reason, LastTransitionTime: now,
		})
	}
	return conditions
}

func containerStatus(pod *core.Pod, c core.Container, s stage, now meta.Time) core.ContainerStatus {
	started := s != imagePullBackOff
	status := core.ContainerStatus{
		Name: c.Name, Image: c.Image, ImageID: imageID, Ready: s == runningReady, Started: &started,
	}
	switch s {
	case imagePullBackOff:
		status.ImageID = ""
		status.State.Waiting = waitingFor(c)
	case succeeded, failed:
		started = false
		status.State = terminated(exitCode(pod), now, now)
	default:
		status.State.Running = &core.ContainerStateRunning{StartedAt: now}
	}
	return status
}

func waitingFor(c core.Container) *core.ContainerStateWaiting {
	if isBroken(c.Image) {
		return &core.ContainerStateWaiting{
			Reason:  "ImagePullBackOff",
			Message: `Back-off pulling image "` + c.Image + `"`,
		}
	}
	return &core.ContainerStateWaiting{Reason: "ContainerCreating"}
}

func terminated(code int32, from, to meta.Time) core.ContainerState {
	reason := "Completed"
	if code != 0 {
		reason = "Error"
	}
	return core.ContainerState{Terminated: &core.ContainerStateTerminated{
		ExitCode: code, Reason: reason, StartedAt: from, FinishedAt: to,
	}}
}

// addressOf derives a pod's address from its uid: stable over restarts of this process, and not loopback,
// which EndpointSlices refuse.
func addressOf(pod *core.Pod) string {
	if pod.Status.PodIP != "" {
		return pod.Status.PodIP
	}
	hash := fnv.New32a()
	hash.Write([]byte(pod.UID))
	sum := hash.Sum32()
	return netip.AddrFrom4([4]byte{10, 244, byte(sum >> 8), byte(sum)}).String()
}
