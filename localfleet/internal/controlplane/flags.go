package controlplane

import (
	"fmt"
	"path/filepath"

	"trimtab.dev/localfleet/internal/config"
)

// The flags leave out what a fleet on one machine has no use for and would pay for twenty times:
// priority and fairness, identity leases, etcd metrics, per-server compaction.
func apiServerFlags(c *config.Config, index int) []string {
	file := func(name string) string { return c.File(index, name) }
	return []string{
		"--etcd-servers=" + c.EtcdURL(),
		fmt.Sprintf("--etcd-prefix=/cluster-%d", index),
		fmt.Sprintf("--secure-port=%d", c.Clusters[index].Port),
		"--bind-address=127.0.0.1",
		"--advertise-address=127.0.0.1",
		"--cert-dir=" + file("generated"),
		"--tls-cert-file=" + file("server.crt"),
		"--tls-private-key-file=" + file("server.key"),
		"--client-ca-file=" + file("ca.crt"),
		"--token-auth-file=" + file("tokens.csv"),
		fmt.Sprintf("--service-account-issuer=https://cluster-%d.localfleet.invalid", index),
		"--service-account-key-file=" + file("sa.pub"),
		"--service-account-signing-key-file=" + file("sa.key"),
		"--service-cluster-ip-range=10.96.0.0/16",
		"--authorization-mode=Node,RBAC",
		"--enable-priority-and-fairness=false",
		"--profiling=false",
		"--feature-gates=APIServerIdentity=false,UnknownVersionInteroperabilityProxy=false",
		"--etcd-count-metric-poll-period=0",
		"--etcd-db-metric-poll-interval=0",
		"--etcd-compaction-interval=0",
		"--event-ttl=10m",
		"--endpoint-reconciler-type=none",
	}
}

// EtcdFlags returns the flags of the one etcd that all clusters share, each under its own prefix.
func EtcdFlags(c *config.Config) []string {
	peer := fmt.Sprintf("http://127.0.0.1:%d", c.EtcdPeerPort)
	return []string{
		"--data-dir=" + filepath.Join(c.Dir, "etcd"),
		"--listen-client-urls=" + c.EtcdURL(),
		"--advertise-client-urls=" + c.EtcdURL(),
		"--listen-peer-urls=" + peer,
		"--initial-advertise-peer-urls=" + peer,
		"--initial-cluster=default=" + peer,
		"--unsafe-no-fsync",
		"--log-level=error",
		"--quota-backend-bytes=8589934592",
		"--auto-compaction-mode=periodic",
		"--auto-compaction-retention=30m",
	}
}

// controllers are those whose work users see: workloads, deletion, quotas, service accounts.
const controllers = "deployment-controller,replicaset-controller,statefulset-controller," +
	"daemonset-controller,job-controller,cronjob-controller,ttl-after-finished-controller," +
	"namespace-controller,garbage-collector-controller,resourcequota-controller," +
	"persistentvolumeclaim-protection-controller,persistentvolume-protection-controller," +
	"serviceaccount-controller,serviceaccount-token-controller,endpointslice-controller," +
	"root-ca-certificate-publisher-controller,clusterrole-aggregation-controller"

// ControllerManagerFlags returns the flags of one cluster's kube-controller-manager.
func ControllerManagerFlags(c *config.Config, index int) []string {
	return []string{
		"--kubeconfig=" + c.File(index, "kcm.kubeconfig"),
		"--leader-elect=false",
		"--secure-port=0",
		"--controllers=" + controllers,
		"--service-account-private-key-file=" + c.File(index, "sa.key"),
		"--root-ca-file=" + c.File(index, "ca.crt"),
		"--kube-api-qps=500",
		"--kube-api-burst=1000",
	}
}
