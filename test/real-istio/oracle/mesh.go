package main

import (
	"encoding/json"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	meshconfig "istio.io/api/mesh/v1alpha1"
	"istio.io/istio/pilot/pkg/config/kube/crd"
	"istio.io/istio/pilot/pkg/networking/core"
	kubecontroller "istio.io/istio/pilot/pkg/serviceregistry/kube"
	"istio.io/istio/pkg/config"
	"istio.io/istio/pkg/config/mesh"
	"istio.io/istio/pkg/config/mesh/meshwatcher"
	"istio.io/istio/pkg/config/schema/collections"
	"istio.io/istio/pkg/config/schema/resource"
	"istio.io/istio/pkg/kube"
	"istio.io/istio/pkg/kube/kclient"
	"istio.io/istio/pkg/kube/namespace"
	"istio.io/istio/pkg/test"
)

const (
	istioNamespace = "istio-system"
	meshConfigMap  = "istio"
	meshConfigKey  = "mesh"
	clusterID      = "Kubernetes"
	trustDomain    = "cluster.local"
)

// The store gives objects without a creation time the present one, each another; this one is before all others.
var oldest = time.Time{}.Add(1)

// parts is a mesh as Istio's own parsers read it.
type parts struct {
	mesh       *meshconfig.MeshConfig
	namespaces []runtime.Object
	services   []*corev1.Service
	configs    []config.Config
	refused    []string
}

func istioOf(t test.Failer, read parts, asked request) *core.ConfigGenTest {
	isSeen := seenBy(t, read)
	options := core.TestOptions{MeshConfig: read.mesh, ClusterID: clusterID}
	for _, service := range read.services {
		if isSeen(&service.ObjectMeta, "") {
			converted := kubecontroller.ConvertService(*service, nil, asked.ClusterDomain, clusterID, trustDomain)
			options.Services = append(options.Services, converted)
		}
	}
	for _, one := range read.configs {
		if isSeen(&metav1.ObjectMeta{Namespace: one.Namespace, Labels: one.Labels}, asked.Revision) {
			options.Configs = append(options.Configs, one)
		}
	}
	return core.NewConfigGenTest(t, options)
}

// seenBy returns the filters of istiod's informers, which the memory stores do not have: discoverySelectors for all kinds,
// the revision for Istio's own.
func seenBy(t test.Failer, read parts) func(*metav1.ObjectMeta, string) bool {
	if len(read.mesh.DiscoverySelectors) == 0 {
		return func(meta *metav1.ObjectMeta, revision string) bool {
			return config.LabelsInRevision(meta.Labels, revision)
		}
	}
	stop := test.NewStop(t)
	client := kube.NewFakeClient(read.namespaces...)
	watched := kclient.New[*corev1.Namespace](client)
	filter := namespace.NewDiscoveryNamespacesFilter(watched, meshwatcher.NewTestWatcher(read.mesh), stop)
	client.RunAndWait(stop)
	return func(meta *metav1.ObjectMeta, revision string) bool {
		return filter.Filter(&corev1.ConfigMap{ObjectMeta: *meta}) && config.LabelsInRevision(meta.Labels, revision)
	}
}

func readParts(asked request) (parts, error) {
	read := parts{mesh: mesh.DefaultMeshConfig()}
	for _, raw := range asked.Objects {
		if err := read.add(raw, asked.ClusterDomain); err != nil {
			return parts{}, fmt.Errorf("%w in %s", err, raw)
		}
	}
	return read, nil
}

func (p *parts) add(raw json.RawMessage, clusterDomain string) error {
	var kind metav1.TypeMeta
	if err := json.Unmarshal(raw, &kind); err != nil {
		return err
	}
	switch kind.Kind {
	case "Namespace":
		object := &corev1.Namespace{}
		p.namespaces = append(p.namespaces, object)
		return json.Unmarshal(raw, object)
	case "Service":
		object := &corev1.Service{}
		p.services = append(p.services, object)
		return json.Unmarshal(raw, object)
	case "ConfigMap":
		return p.addConfigMap(raw)
	default:
		return p.addConfig(raw, kind, clusterDomain)
	}
}

func (p *parts) addConfigMap(raw json.RawMessage) error {
	object := &corev1.ConfigMap{}
	if err := json.Unmarshal(raw, object); err != nil {
		return err
	}
	if object.Namespace != istioNamespace || object.Name != meshConfigMap {
		return fmt.Errorf("a ConfigMap other than %s/%s", istioNamespace, meshConfigMap)
	}
	read, err := mesh.ApplyMeshConfigDefaults(object.Data[meshConfigKey])
	if err != nil {
		return err
	}
	p.mesh = read
	return nil
}

func (p *parts) addConfig(raw json.RawMessage, kind metav1.TypeMeta, clusterDomain string) error {
	schema, found := findSchema(kind)
	if !found {
		return fmt.Errorf("unknown kind %s", kind.GroupVersionKind())
	}
	object := &crd.IstioKind{}
	if err := json.Unmarshal(raw, object); err != nil {
		return err
	}
	read, err := crd.ConvertObject(schema, object, clusterDomain)
	if err != nil {
		return err
	}
	if read.CreationTimestamp.IsZero() {
		read.CreationTimestamp = oldest
	}
	if _, err := schema.ValidateConfig(*read); err != nil {
		p.refused = append(p.refused, fmt.Sprintf("%s %s/%s: %v", kind.Kind, read.Namespace, read.Name, err))
	}
	p.configs = append(p.configs, *read)
	return nil
}

func findSchema(kind metav1.TypeMeta) (resource.Schema, bool) {
	known := kind.GroupVersionKind()
	return collections.PilotGatewayAPI().FindByGroupVersionAliasesKind(resource.FromKubernetesGVK(&known))
}
