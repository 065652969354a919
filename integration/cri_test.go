// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package integration_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	runtime "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// kubelet does on a node what a kubelet does there.
type kubelet struct {
	*node
	images runtime.ImageServiceClient
	pods   runtime.RuntimeServiceClient
}

// newKubelet starts a node whose containerd serves CRI; its pods' image comes
// from r.
func newKubelet(t *testing.T, line, config string, r *registryFixture) *kubelet {
	t.Helper()
	pause := image(t, "other", "busybox") // no lowest layer that tests have too
	pause.Cmd = []string{"/bin/sleep", "600"}
	n := newNode(t, line, config, r.push("pause", pause))
	conn, err := grpc.NewClient("unix://"+n.ctd.Address(), grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.WaitForReady(true))) // containerd may be about to start
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &kubelet{node: n, images: runtime.NewImageServiceClient(conn), pods: runtime.NewRuntimeServiceClient(conn)}
}

// must fails the test if a call failed, and gives its answer.
func must[T any](t *testing.T) func(T, error) T {
	return func(answer T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return answer
	}
}

func spec(ref string) *runtime.ImageSpec { return &runtime.ImageSpec{Image: ref} }

// used is what CRI says that images occupy.
func (k *kubelet) used() *runtime.FilesystemUsage {
	k.t.Helper()
	info := must[*runtime.ImageFsInfoResponse](k.t)(k.images.ImageFsInfo(k.ctx, &runtime.ImageFsInfoRequest{}))
	if len(info.ImageFilesystems) != 1 {
		k.t.Fatalf("file systems of images: %v", info.ImageFilesystems)
	}
	return info.ImageFilesystems[0]
}

// occupied is what layers and snapshots occupy on disk, in bytes.
func (n *node) occupied() (bytes uint64) {
	for _, dir := range []string{"layers", "snapshots"} {
		_ = filepath.WalkDir(filepath.Join(n.spryd.Root(), dir), func(path string, _ os.DirEntry, _ error) error {
			var st unix.Stat_t
			if unix.Lstat(path, &st) == nil {
				bytes += uint64(st.Blocks) * 512
			}
			return nil
		})
	}
	return bytes
}

// A pod starts lazily, its image's size is told as it is, and everything goes
// with the image and its last pod.
func TestKubernetes(t *testing.T) {
	for _, line := range lines {
		t.Run(line, func(t *testing.T) {
			r := newRegistry(t)
			ref := r.convert("app", smallImage(t))
			k := newKubelet(t, line, "", r)
			must[*runtime.PullImageResponse](t)(k.images.PullImage(k.ctx, &runtime.PullImageRequest{Image: spec(ref)}))
			if got := len(k.lazyMounts()); got != 3 {
				t.Errorf("%d layers are lazy, want 3", got)
			}
			pod := k.run(ref)
			k.eventually("plain layers", k.plain)
			// containerd asks once what a committed snapshot occupies, which may have been while
			// it was lazy.
			if err := errors.Join(k.ctd.Stop(), k.ctd.Start(k.ctx)); err != nil {
				t.Fatal(err)
			}
			k.eventually("the size of images", func() bool {
				if at := k.used().FsId.Mountpoint; at != k.spryd.Root() {
					t.Fatalf("images are at %s, want %s", at, k.spryd.Root())
				}
				said, is := k.used().UsedBytes.Value, k.occupied()
				return said > is*95/100 && said < is*105/100
			})
			must[*runtime.RemoveImageResponse](t)(k.images.RemoveImage(k.ctx, &runtime.RemoveImageRequest{Image: spec(ref)}))
			if got := len(k.lazyMounts()); got != 3 {
				t.Errorf("%d layers are left to the pod, want 3", got)
			}
			must[*runtime.StopPodSandboxResponse](t)(k.pods.StopPodSandbox(k.ctx, &runtime.StopPodSandboxRequest{PodSandboxId: pod}))
			must[*runtime.RemovePodSandboxResponse](t)(k.pods.RemovePodSandbox(k.ctx, &runtime.RemovePodSandboxRequest{PodSandboxId: pod}))
			k.eventually("removal", func() bool { return len(k.leftovers()) == 0 })
		})
	}
}

// run starts a pod with a container of ref, waits until that found its files,
// and gives the pod.
func (k *kubelet) run(ref string) string {
	k.t.Helper()
	host := &runtime.NamespaceOption{Network: runtime.NamespaceMode_NODE}
	config := &runtime.PodSandboxConfig{
		Metadata: &runtime.PodSandboxMetadata{Name: "pod", Namespace: "default", Uid: "uid"}, LogDirectory: k.dir,
		Linux: &runtime.LinuxPodSandboxConfig{SecurityContext: &runtime.LinuxSandboxSecurityContext{NamespaceOptions: host}},
	}
	pod := must[*runtime.RunPodSandboxResponse](k.t)(k.pods.RunPodSandbox(k.ctx, &runtime.RunPodSandboxRequest{Config: config})).PodSandboxId
	created := must[*runtime.CreateContainerResponse](k.t)(k.pods.CreateContainer(k.ctx, &runtime.CreateContainerRequest{
		PodSandboxId: pod, SandboxConfig: config, Config: &runtime.ContainerConfig{
			Metadata: &runtime.ContainerMetadata{Name: "app"}, Image: spec(ref), LogPath: "app.log",
			Linux: &runtime.LinuxContainerConfig{SecurityContext: &runtime.LinuxContainerSecurityContext{NamespaceOptions: host}},
		}}))
	must[*runtime.StartContainerResponse](k.t)(k.pods.StartContainer(k.ctx, &runtime.StartContainerRequest{ContainerId: created.ContainerId}))
	k.eventually("the end of the container", func() bool {
		st := must[*runtime.ContainerStatusResponse](k.t)(k.pods.ContainerStatus(k.ctx, &runtime.ContainerStatusRequest{ContainerId: created.ContainerId}))
		return st.Status.State == runtime.ContainerState_CONTAINER_EXITED
	})
	if b, err := os.ReadFile(filepath.Join(k.dir, "app.log")); err != nil || !strings.Contains(string(b), "READY") {
		k.t.Errorf("the container printed %q, error %v", b, err)
	}
	return pod
}

// private puts a proxy in front of the registry that wants a password;
// references made from now on go through it.
func (r *registryFixture) private(user, password string) {
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: r.host})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if u, p, _ := req.BasicAuth(); u != user || p != password {
			w.Header().Set("WWW-Authenticate", `Basic realm="private"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		proxy.ServeHTTP(w, req)
	}))
	r.through(srv.Listener.Addr().String(), func() error { srv.Close(); return nil })
}

// The secret of a pull does not reach the daemon: with it alone an image is
// pulled as ever, and it is lazy once the node is logged in.
func TestKubernetesPrivateRegistry(t *testing.T) {
	r := newRegistry(t)
	r.convert("app", smallImage(t))
	login := filepath.Join(t.TempDir(), "config.json")
	k := newKubelet(t, "2", fmt.Sprintf("[registry]\ndocker_config = %q\n[index]\nnone_for = \"1ms\"\n", login), r)
	r.private("user", "secret")
	ref := r.host + "/app:soci"
	auth := &runtime.AuthConfig{Username: "user", Password: "secret"}
	for _, c := range []struct {
		name, config string
		lazy         int
	}{
		{"secret of the pull", "", 0},
		{"login of the node", fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, r.host, base64.StdEncoding.EncodeToString([]byte("user:secret"))), 3},
	} {
		if err := os.WriteFile(login, []byte(c.config), 0o600); err != nil {
			t.Fatal(err)
		}
		must[*runtime.PullImageResponse](t)(k.images.PullImage(k.ctx, &runtime.PullImageRequest{Image: spec(ref), Auth: auth}))
		if got := len(k.lazyMounts()); got != c.lazy {
			t.Errorf("%s: %d layers are lazy, want %d", c.name, got, c.lazy)
		}
		must[*runtime.RemoveImageResponse](t)(k.images.RemoveImage(k.ctx, &runtime.RemoveImageRequest{Image: spec(ref)}))
		time.Sleep(time.Millisecond) // none_for
	}
}
