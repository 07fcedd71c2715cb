package config

import (
	"fmt"
	"os"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	api "k8s.io/client-go/tools/clientcmd/api"
)

// WriteKubeconfig writes a self-contained kubeconfig for the client certificate `user`.crt/.key of a
// cluster as `user`.kubeconfig.
func (c *Config) WriteKubeconfig(index int, user string) error {
	ca, err := os.ReadFile(c.File(index, "ca.crt"))
	if err != nil {
		return err
	}
	cert, err := os.ReadFile(c.File(index, user+".crt"))
	if err != nil {
		return err
	}
	key, err := os.ReadFile(c.File(index, user+".key"))
	if err != nil {
		return err
	}
	name := fmt.Sprintf("localfleet-%d", index)
	k := api.NewConfig()
	k.Clusters[name] = &api.Cluster{Server: c.Server(index), CertificateAuthorityData: ca}
	k.AuthInfos[name] = &api.AuthInfo{ClientCertificateData: cert, ClientKeyData: key}
	k.Contexts[name] = &api.Context{Cluster: name, AuthInfo: name, Namespace: "default"}
	k.CurrentContext = name
	return clientcmd.WriteToFile(*k, c.File(index, user+".kubeconfig"))
}

// Client returns how the supervisor and the pods process reach a cluster: as `user`, unthrottled.
func (c *Config) Client(index int, user string) (*rest.Config, error) {
	client, err := clientcmd.BuildConfigFromFlags("", c.File(index, user+".kubeconfig"))
	if err != nil {
		return nil, err
	}
	client.QPS = -1
	client.UserAgent = "localfleet"
	return client, nil
}
