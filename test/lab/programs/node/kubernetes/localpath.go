package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
)

// What k3s' own provisioner is called: claims and volumes carry it.
const provisioner = "rancher.io/local-path"

// localPath gives claims of class local-path a folder below storage once a pod that uses them has a node,
// and removes folder and volume when the claim is gone.
type localPath struct {
	client  kubernetes.Interface
	storage string
}

func newLocalPathCommand() *cobra.Command {
	var storage string
	command := &cobra.Command{Use: "local-path", SilenceUsage: true, RunE: func(command *cobra.Command, _ []string) error {
		config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
		if err != nil {
			return err
		}
		client, err := kubernetes.NewForConfig(config)
		if err != nil {
			return err
		}
		return (&localPath{client, storage}).run(command.Context())
	}}
	command.Flags().StringVar(&storage, "storage", "/var/lib/rancher/k3s/storage", "folder of the volumes")
	return command
}

func (p *localPath) run(ctx context.Context) error {
	// The short resync is the retry: whatever failed is seen again.
	factory := informers.NewSharedInformerFactory(p.client, 5*time.Second)
	each := func(handle func(any) error) cache.ResourceEventHandlerFuncs {
		report := func(object any) {
			if err := handle(object); err != nil {
				klog.ErrorS(err, "not done yet")
			}
		}
		return cache.ResourceEventHandlerFuncs{AddFunc: report, UpdateFunc: func(_, object any) { report(object) }}
	}
	claims := factory.Core().V1().PersistentVolumeClaims().Informer()
	if _, err := claims.AddEventHandler(each(func(o any) error { return p.provide(ctx, o.(*core.PersistentVolumeClaim)) })); err != nil {
		return err
	}
	volumes := factory.Core().V1().PersistentVolumes().Informer()
	if _, err := volumes.AddEventHandler(each(func(o any) error { return p.remove(ctx, o.(*core.PersistentVolume)) })); err != nil {
		return err
	}
	factory.Start(ctx.Done())
	<-ctx.Done()
	return nil
}

func (p *localPath) provide(ctx context.Context, claim *core.PersistentVolumeClaim) error {
	node := claim.Annotations["volume.kubernetes.io/selected-node"]
	class := claim.Spec.StorageClassName
	if class == nil || *class != "local-path" || claim.Spec.VolumeName != "" || node == "" || claim.DeletionTimestamp != nil {
		return nil
	}
	name := "pvc-" + string(claim.UID)
	folder := filepath.Join(p.storage, fmt.Sprintf("%s_%s_%s", name, claim.Namespace, claim.Name))
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return err
	}
	// A pod may run as any user: past the umask.
	if err := os.Chmod(folder, 0o777); err != nil {
		return err
	}
	kind := core.HostPathDirectoryOrCreate
	mode := core.PersistentVolumeFilesystem
	_, err := p.client.CoreV1().PersistentVolumes().Create(ctx, &core.PersistentVolume{
		ObjectMeta: meta.ObjectMeta{Name: name, Annotations: map[string]string{"pv.kubernetes.io/provisioned-by": provisioner}},
		Spec: core.PersistentVolumeSpec{
			AccessModes:                   claim.Spec.AccessModes,
			Capacity:                      core.ResourceList{core.ResourceStorage: claim.Spec.Resources.Requests[core.ResourceStorage]},
			PersistentVolumeReclaimPolicy: core.PersistentVolumeReclaimDelete,
			StorageClassName:              *class,
			VolumeMode:                    &mode,
			ClaimRef: &core.ObjectReference{
				Kind: "PersistentVolumeClaim", APIVersion: "v1", Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID,
			},
			PersistentVolumeSource: core.PersistentVolumeSource{HostPath: &core.HostPathVolumeSource{Path: folder, Type: &kind}},
			NodeAffinity: &core.VolumeNodeAffinity{Required: &core.NodeSelector{NodeSelectorTerms: []core.NodeSelectorTerm{{
				MatchExpressions: []core.NodeSelectorRequirement{
					{Key: core.LabelHostname, Operator: core.NodeSelectorOpIn, Values: []string{node}},
				},
			}}}},
		},
	}, meta.CreateOptions{})
	if errors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

func (p *localPath) remove(ctx context.Context, volume *core.PersistentVolume) error {
	ours := volume.Annotations["pv.kubernetes.io/provisioned-by"] == provisioner && volume.Spec.HostPath != nil
	released := volume.Status.Phase == core.VolumeReleased && volume.DeletionTimestamp == nil
	if !ours || !released || volume.Spec.PersistentVolumeReclaimPolicy != core.PersistentVolumeReclaimDelete {
		return nil
	}
	if filepath.Dir(volume.Spec.HostPath.Path) != p.storage {
		return fmt.Errorf("volume %s lies at %s, outside %s", volume.Name, volume.Spec.HostPath.Path, p.storage)
	}
	if err := os.RemoveAll(volume.Spec.HostPath.Path); err != nil {
		return err
	}
	err := p.client.CoreV1().PersistentVolumes().Delete(ctx, volume.Name, meta.DeleteOptions{})
	if errors.IsNotFound(err) {
		return nil
	}
	return err
}
