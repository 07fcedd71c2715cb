package pods

import (
	"strconv"
	"strings"
	"time"

	core "k8s.io/api/core/v1"
)

// Annotations on a pod that steer the stand-in.
const (
	prefix = "localfleet.trimtab.dev/"
	// annotationReady set to "false" keeps a running pod from becoming ready.
	annotationReady = prefix + "ready"
	// annotationReadyAfter is how long a pod runs before it becomes ready, for example "2s".
	annotationReadyAfter = prefix + "ready-after"
	// annotationRunFor is how long a pod that runs to completion runs.
	annotationRunFor = prefix + "run-for"
	// annotationExitCode is what a pod that runs to completion ends with.
	annotationExitCode = prefix + "exit-code"
	// brokenTag in a container's image tag makes it fail to pull.
	brokenTag = ":broken"
)

// stage is where in its life a pod should be next.
type stage int

const (
	keep stage = iota
	imagePullBackOff
	runningUnready
	runningReady
	succeeded
	failed
)

// step is what to do with a pod, and after which delay.
type step struct {
	stage stage
	after time.Duration
}

// nextStep decides a pod's next step from what the pod says. It is keep when there is nothing to do until
// the pod changes again.
func nextStep(pod *core.Pod) step {
	if pod.DeletionTimestamp != nil || pod.Status.Phase == core.PodSucceeded || pod.Status.Phase == core.PodFailed {
		return step{}
	}
	if hasBrokenImage(pod) {
		return unlessAlready(isWaiting(pod), step{stage: imagePullBackOff})
	}
	if pod.Annotations[annotationReady] == "false" {
		running := pod.Status.Phase == core.PodRunning && !isReady(pod)
		return unlessAlready(running, step{stage: runningUnready})
	}
	if !isReady(pod) {
		return nextTowardsReady(pod)
	}
	if pod.Spec.RestartPolicy == core.RestartPolicyAlways {
		return step{}
	}
	end := step{stage: succeeded, after: duration(pod, annotationRunFor)}
	if exitCode(pod) != 0 {
		end.stage = failed
	}
	return end
}

func nextTowardsReady(pod *core.Pod) step {
	wait := duration(pod, annotationReadyAfter)
	if wait > 0 && pod.Status.Phase != core.PodRunning {
		return step{stage: runningUnready}
	}
	return step{stage: runningReady, after: wait}
}

func unlessAlready(already bool, s step) step {
	if already {
		return step{}
	}
	return s
}

func hasBrokenImage(pod *core.Pod) bool {
	for _, c := range pod.Spec.Containers {
		if isBroken(c.Image) {
			return true
		}
	}
	return false
}

func isBroken(image string) bool {
	name := image[strings.LastIndex(image, "/")+1:]
	return strings.Contains(name, brokenTag)
}

func isWaiting(pod *core.Pod) bool {
	for _, c := range pod.Status.ContainerStatuses {
		if c.State.Waiting != nil {
			return true
		}
	}
	return false
}

func isReady(pod *core.Pod) bool {
	for _, c := range pod.Status.Conditions {
		if c.Type == core.PodReady {
			return c.Status == core.ConditionTrue
		}
	}
	return false
}

func duration(pod *core.Pod, annotation string) time.Duration {
	d, err := time.ParseDuration(pod.Annotations[annotation])
	if err != nil {
		return 0
	}
	return d
}

func exitCode(pod *core.Pod) int32 {
	code, err := strconv.ParseInt(pod.Annotations[annotationExitCode], 10, 32)
	if err != nil {
		return 0
	}
	return int32(code)
}
