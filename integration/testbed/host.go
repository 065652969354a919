// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package testbed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// HostOptions describe a [Host].
type HostOptions struct {
	// Dir is where its file system will be mounted; it is made if need be, and
	// DIR.ext4 next to it. Keep it short: socket paths have 108 bytes.
	Dir string
	// Containerd is the folder with containerd's programs.
	Containerd string
	// Snapshotter is what starts containers there.
	Snapshotter Snapshotter
}

// Host is a machine that has no image yet: a containerd and the daemon of one
// snapshotter, both on a new file system.
type Host struct {
	// Ctd is its containerd.
	Ctd *Containerd

	o      HostOptions
	disk   *disk
	daemon *Process // nil under overlayfs
	marker string
}

// StartHost starts the daemon, then containerd. Stop must be called, also to
// remove what is mounted.
func StartHost(ctx context.Context, o HostOptions) (_ *Host, err error) {
	h := &Host{o: o, marker: "SPRY_TESTBED_HOST=" + o.Dir}
	if h.disk, err = newDisk(ctx, o.Dir); err != nil {
		return nil, err
	}
	co := ContainerdOptions{Dir: filepath.Join(o.Dir, "c"), Bin: o.Containerd}
	if o.Snapshotter.Command != "" {
		p, err := h.startDaemon(ctx, filepath.Join(co.Dir, "c.sock"))
		if err != nil {
			return nil, errors.Join(err, h.Stop())
		}
		co.Proxies = []Proxy{p}
	}
	if h.Ctd, err = StartContainerd(ctx, co); err != nil {
		return nil, errors.Join(err, h.Stop())
	}
	return h, nil
}

// startDaemon runs the snapshotter's command until its socket answers.
func (h *Host) startDaemon(ctx context.Context, containerd string) (Proxy, error) {
	dir := filepath.Join(h.o.Dir, "s")
	p := Proxy{Name: h.o.Snapshotter.Name, Address: filepath.Join(dir, "s.sock"), Root: filepath.Join(dir, "root")}
	if err := os.MkdirAll(p.Root, 0o755); err != nil {
		return p, err
	}
	cmd := exec.Command("/bin/sh", "-c", "exec "+h.o.Snapshotter.commandLine(p.Address, p.Root, dir, containerd))
	cmd.Env = append(os.Environ(), h.marker)
	var err error
	if h.daemon, err = StartProcess(cmd, filepath.Join(dir, "log")); err != nil {
		return p, err
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if err := h.daemon.waitFor(ctx, func() bool { return dials("unix", p.Address) }); err != nil {
		return p, err
	}
	return p, nil
}

// Name is the snapshotter's name in containerd.
func (h *Host) Name() string { return h.o.Snapshotter.Name }

// Tag is the tag of images that the snapshotter pulls.
func (h *Host) Tag() string { return h.o.Snapshotter.Tag }

// Pull pulls an image as the snapshotter needs it.
func (h *Host) Pull(ctx context.Context, ref string) error {
	_, err := h.Ctd.Ctr(ctx, "image", "pull", "--plain-http", "--snapshotter", h.Name(), ref)
	return err
}

// Lazy is the number of layers that are mounted lazily: through FUSE, or as EROFS images.
func (h *Host) Lazy() (int, error) {
	mounts, err := mountsBelow(h.o.Dir)
	n := 0
	for _, m := range mounts {
		if strings.HasPrefix(m.kind, "fuse") || m.kind == "erofs" {
			n++
		}
	}
	return n, err
}

// Usage is what the processes of the daemon have used so far, those that it
// started included; zero under overlayfs.
func (h *Host) Usage() (Usage, error) {
	if h.daemon == nil {
		return Usage{}, nil
	}
	return usageOf(h.marker)
}

// Stop ends both daemons, unmounts everything and removes the file system.
func (h *Host) Stop() error {
	var err error
	if h.Ctd != nil && h.Ctd.Process != nil {
		err = h.Ctd.End()
	}
	if h.daemon != nil {
		err = errors.Join(err, h.daemon.Stop(), endMarked(h.marker))
	}
	return errors.Join(err, unmountBelow(h.o.Dir), h.disk.close())
}

// DropCaches writes out and forgets every page, name and inode that the
// kernel holds of unused files.
func DropCaches() error {
	syscall.Sync()
	return os.WriteFile("/proc/sys/vm/drop_caches", []byte("3"), 0)
}

// DaemonLog is the last n lines that the snapshotter's daemon has printed.
func (h *Host) DaemonLog(n int) string {
	if h.daemon == nil {
		return ""
	}
	return fmt.Sprintf("%s: %s", h.Name(), h.daemon.LogTail(n))
}
