// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spryd/spry/integration/testbed"
)

// bed is everything that stays the same over all measurements.
type bed struct {
	o          options
	tools      testbed.Tools
	dir        string // for everything that is not cached
	containerd string
	spryd      string
	spry       string
	reg        *testbed.Registry
	link       *testbed.Shaper
	hosts      int // started so far
}

// openBed starts registry and link.
func openBed(ctx context.Context, o options) (_ *bed, err error) {
	b := &bed{o: o, containerd: o.containerd}
	if b.tools, err = testbed.FindTools(); err != nil {
		return nil, err
	}
	if b.containerd == "" {
		if b.containerd, err = b.tools.Containerd("2"); err != nil {
			return nil, err
		}
	}
	if b.spryd, err = b.binary("spryd"); err != nil {
		return nil, err
	}
	if b.spry, err = b.binary("spry"); err != nil {
		return nil, err
	}
	if b.dir, err = os.MkdirTemp("", "bench"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.close())
		}
	}()
	if b.reg, err = testbed.StartDockerRegistry(ctx, filepath.Join(b.dir, "registry")); err != nil {
		return nil, err
	}
	b.link, err = testbed.NewShaper(b.reg.Host, o.mbit, o.rtt)
	return b, err
}

func (b *bed) binary(name string) (string, error) {
	if b.o.bin == "" {
		return b.tools.Binary(name)
	}
	return filepath.Abs(filepath.Join(b.o.bin, name))
}

func (b *bed) close() error {
	var err error
	if b.link != nil {
		err = b.link.Close()
	}
	if b.reg != nil {
		err = errors.Join(err, b.reg.Stop())
	}
	return errors.Join(err, os.RemoveAll(b.dir))
}

func (b *bed) say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...)
}

// ref is an image as hosts name it, behind the link.
func (b *bed) ref(name, tag string) string { return b.link.Host + "/" + name + ":" + tag }

// publish pushes the image as NAME:latest, and as NAME:soci with its index.
func (b *bed) publish(ctx context.Context, name string, img testbed.Image) error {
	latest := b.reg.Host + "/" + name + ":latest"
	if _, err := img.Push(ctx, latest); err != nil {
		return err
	}
	args := append([]string{"convert", "--plain-http"}, b.o.convertArgs...)
	cmd := exec.CommandContext(ctx, b.spry, append(args, "docker://"+latest, "docker://"+b.reg.Host+"/"+name+":soci")...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("spry convert %s: %w: %s", name, err, out)
	}
	return nil
}

// withHost does something on a fresh host with a cold page cache.
func (b *bed) withHost(ctx context.Context, s testbed.Snapshotter, do func(*testbed.Host) error) (err error) {
	b.hosts++
	dir := filepath.Join(b.dir, fmt.Sprint(b.hosts))
	h, err := testbed.StartHost(ctx, testbed.HostOptions{Dir: dir, Containerd: b.containerd, Snapshotter: s})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Stop(), os.Remove(dir)) }()
	if err := testbed.DropCaches(); err != nil {
		return err
	}
	if err := do(h); err != nil {
		return fmt.Errorf("%w\n%s", err, h.DaemonLog(5))
	}
	return nil
}

// snapshotters are what to compare, overlayfs first.
func (b *bed) snapshotters() []testbed.Snapshotter {
	spry := testbed.SprySnapshotter(b.spryd)
	all := []testbed.Snapshotter{testbed.Overlayfs, spry}
	if b.o.onDemand {
		all = append(all, testbed.Snapshotter{Name: onDemand, Tag: spry.Tag, Command: "sh -c 'printf \"[fetch]\\nbackground = false\\n\" >{dir}/config.toml; " +
			"exec " + spry.Command + " --config {dir}/config.toml'"})
	}
	all = append(all, b.o.proxies...)
	return slices.DeleteFunc(all, func(s testbed.Snapshotter) bool { return contains(b.o.skip, s.Name) })
}

// lazySnapshotters are those of snapshotters that are lazy.
func (b *bed) lazySnapshotters() []testbed.Snapshotter {
	return slices.DeleteFunc(b.snapshotters(), func(s testbed.Snapshotter) bool { return s.Name == testbed.Overlayfs.Name })
}

// onDemand is Spry without background fetching.
const onDemand = "spry-ondemand"

func contains(list []string, s string) bool { return slices.Contains(list, s) }

// tool copies this program to a folder that containers can see.
func (b *bed) tool() (dir string, err error) {
	dir = filepath.Join(b.dir, "tool")
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	in, err := os.Open(self)
	if err != nil {
		return "", err
	}
	defer func() { _ = in.Close() }()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	out, err := os.OpenFile(filepath.Join(dir, "bench"), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o755)
	if err != nil {
		return "", err
	}
	_, err = io.Copy(out, in)
	return dir, errors.Join(err, out.Close())
}

// firstLine keeps errors readable in tables.
func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
