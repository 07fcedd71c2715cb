package pods

import (
	"testing"
	"time"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// seen builds a pod as a watch would show it after the stand-in reported the given stages.
func seen(image string, policy core.RestartPolicy, annotations map[string]string, reported ...stage) *core.Pod {
	pod := &core.Pod{
		ObjectMeta: meta.ObjectMeta{UID: "6f1d", Annotations: annotations},
		Spec: core.PodSpec{
			RestartPolicy: policy,
			Containers:    []core.Container{{Name: "main", Image: image}},
		},
		Status: core.PodStatus{Phase: core.PodPending},
	}
	for _, s := range reported {
		pod.Status = statusFor(pod, s, meta.Now())
	}
	return pod
}

func TestNextStep(t *testing.T) {
	const always, never = core.RestartPolicyAlways, core.RestartPolicyNever
	note := func(key, value string) map[string]string { return map[string]string{prefix + key: value} }
	terminating := seen("web:1", always, nil)
	terminating.DeletionTimestamp = &meta.Time{}
	repaired := seen("web:1", always, nil, runningUnready)
	cases := map[string]struct {
		pod  *core.Pod
		want step
	}{
		"a new pod becomes ready":                       {seen("web:1", always, nil), step{stage: runningReady}},
		"a ready server stays":                          {seen("web:1", always, nil, runningReady), step{}},
		"a broken tag is never pulled":                  {seen("r:5000/web:broken-2", always, nil), step{stage: imagePullBackOff}},
		"a pull that fails is reported once":            {seen("web:broken", always, nil, imagePullBackOff), step{}},
		"a registry's name is no tag":                   {seen("r:broken/web:1", always, nil), step{stage: runningReady}},
		"an unready pod runs":                           {seen("web:1", always, note("ready", "false")), step{stage: runningUnready}},
		"an unready pod is reported once":               {seen("web:1", always, note("ready", "false"), runningUnready), step{}},
		"a ready pod can be made unready":               {seen("web:1", always, note("ready", "false"), runningReady), step{stage: runningUnready}},
		"an unready pod becomes ready without the note": {repaired, step{stage: runningReady}},
		"a slow pod runs first":                         {seen("web:1", always, note("ready-after", "2s")), step{stage: runningUnready}},
		"a slow pod becomes ready later": {
			seen("web:1", always, note("ready-after", "2s"), runningUnready), step{runningReady, 2 * time.Second},
		},
		"a task runs":                         {seen("task:1", never, nil), step{stage: runningReady}},
		"a running task succeeds":             {seen("task:1", never, nil, runningReady), step{stage: succeeded}},
		"a running task fails with its code":  {seen("task:1", never, note("exit-code", "3"), runningReady), step{stage: failed}},
		"a long task takes its time":          {seen("task:1", never, note("run-for", "1m"), runningReady), step{succeeded, time.Minute}},
		"a finished task stays":               {seen("task:1", never, nil, runningReady, succeeded), step{}},
		"a pod that is being deleted is left": {terminating, step{}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := nextStep(c.pod); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestFailedContainerCarriesItsExitCode(t *testing.T) {
	pod := seen("task:1", core.RestartPolicyNever, map[string]string{annotationExitCode: "3"}, runningReady, failed)
	state := pod.Status.ContainerStatuses[0].State.Terminated
	if state == nil || state.ExitCode != 3 || state.Reason != "Error" {
		t.Errorf("got %+v", state)
	}
}

func TestAddressStaysWithThePod(t *testing.T) {
	pod := seen("web:1", core.RestartPolicyAlways, nil, runningUnready)
	before := pod.Status.PodIP
	pod.Status = statusFor(pod, runningReady, meta.Now())
	if before == "" || pod.Status.PodIP != before {
		t.Errorf("got %q after %q", pod.Status.PodIP, before)
	}
}
