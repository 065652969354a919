// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package testbed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"text/template"
	"time"
)

// Proxy is a proxy snapshotter plugin in containerd's configuration.
type Proxy struct {
	Name, Address, Root string
}

// ContainerdOptions describe a containerd to start.
type ContainerdOptions struct {
	// Dir receives configuration, state, socket and log. Keep it short: the
	// socket path has 108 bytes.
	Dir string
	// Bin is the folder with containerd, ctr and the shim.
	Bin string
	// Proxies are the proxy snapshotters to know.
	Proxies []Proxy
	// Sandbox, if set, is the image of pods: containerd then serves CRI, with
	// the first of Proxies as its snapshotter.
	Sandbox string
	// Machine, if set, is where it runs, and ends; it sees Dir and Bin.
	Machine *Machine
}

// Containerd is a running containerd of its own.
type Containerd struct {
	*Process
	o ContainerdOptions
}

var containerdConfig = template.Must(template.New("").Parse(`version = {{.Version}}
root = "{{.Dir}}/root"
state = "{{.Dir}}/state"
disabled_plugins = [{{if not .Sandbox}}"io.containerd.grpc.v1.cri", {{end}}"io.containerd.nri.v1.nri", "io.containerd.tracing.processor.v1.otlp", "io.containerd.internal.v1.tracing"]
[grpc]
  address = "{{.Dir}}/c.sock"
{{range .Proxies}}
[proxy_plugins.{{.Name}}]
  type = "snapshot"
  address = "{{.Address}}"
  [proxy_plugins.{{.Name}}.exports]
    root = "{{.Root}}"
    enable_remote_snapshot_annotations = "true"
{{end}}
[plugins.'io.containerd.transfer.v1.local']
{{range .Unpack}}  [[plugins.'io.containerd.transfer.v1.local'.unpack_config]]
    platform = "linux/amd64"
    snapshotter = "{{.}}"
{{end}}
{{with .Sandbox}}{{with index $.Proxies 0}}{{if eq $.Version 2}}
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{{$.Sandbox}}"
  stats_collect_period = 1
  restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".containerd]
  snapshotter = "{{.Name}}"
  disable_snapshot_annotations = false
{{else}}
[plugins.'io.containerd.cri.v1.images']
  snapshotter = "{{.Name}}"
  disable_snapshot_annotations = false
  stats_collect_period = 1
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = "{{$.Sandbox}}"
[plugins.'io.containerd.cri.v1.runtime']
  restrict_oom_score_adj = true
{{end}}{{end}}{{end}}`))

// StartContainerd writes a configuration and starts containerd; it is ready
// when this returns.
func StartContainerd(ctx context.Context, o ContainerdOptions) (*Containerd, error) {
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return nil, err
	}
	data := struct {
		ContainerdOptions
		Version int
		Unpack  []string
	}{o, 3, []string{"overlayfs"}}
	if strings.HasSuffix(o.Bin, "1.7") {
		data.Version = 2
	}
	for _, p := range o.Proxies {
		data.Unpack = append(data.Unpack, p.Name)
	}
	var conf bytes.Buffer
	if err := containerdConfig.Execute(&conf, data); err != nil {
		return nil, err
	}
	file := filepath.Join(o.Dir, "config.toml")
	if err := os.WriteFile(file, conf.Bytes(), 0o644); err != nil {
		return nil, err
	}
	c := &Containerd{o: o}
	return c, c.Start(ctx)
}

// Start starts containerd again after Stop or Kill, on the same state.
func (c *Containerd) Start(ctx context.Context) error {
	args := []string{filepath.Join(c.o.Bin, "containerd"), "-c", filepath.Join(c.o.Dir, "config.toml")}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "PATH="+c.o.Bin+":"+os.Getenv("PATH"))
	if c.o.Machine != nil {
		service := []string{"systemd-run", "--quiet", "--pipe", "--unit=containerd", "--property=Delegate=yes", "--setenv=" + searchPath + ":" + c.o.Bin}
		cmd = c.o.Machine.Command(context.WithoutCancel(ctx), append(service, args...)...)
	}
	p, err := StartProcess(cmd, filepath.Join(c.o.Dir, "log"))
	if err != nil {
		return err
	}
	c.Process = p
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	return p.waitFor(ctx, func() bool {
		_, err := c.Ctr(ctx, "version")
		return err == nil
	})
}

// End stops containerd for good, and what it left of its shims: one that was
// killed in the middle of a removal does not know them any more.
func (c *Containerd) End() error {
	err := c.Stop()
	shims, listErr := having("cmdline", "-address", c.Address())
	kill(shims)
	return errors.Join(err, listErr)
}

// Address is the path of containerd's socket.
func (c *Containerd) Address() string { return filepath.Join(c.o.Dir, "c.sock") }

// Ctr runs ctr against this containerd and returns both its outputs.
func (c *Containerd) Ctr(ctx context.Context, args ...string) (string, error) {
	cmd := c.CtrCommand(ctx, args...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("ctr %s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(out))
	}
	return string(out), nil
}

// CtrCommand is a ctr command that is not started yet.
func (c *Containerd) CtrCommand(ctx context.Context, args ...string) *exec.Cmd {
	args = append([]string{filepath.Join(c.o.Bin, "ctr"), "-a", c.Address()}, args...)
	if c.o.Machine != nil {
		return c.o.Machine.Command(ctx, args...)
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.WaitDelay = 5 * time.Second
	return cmd
}
