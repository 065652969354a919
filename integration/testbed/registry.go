// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package testbed

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
)

// Registry is a registry on a loopback port, without the referrers API
// (Debian's docker-registry) or with it.
type Registry struct {
	// Host is its address, as in an image reference.
	Host string
	stop func() error
}

// StartDockerRegistry starts Debian's docker-registry on dir. It has no
// referrers API, so clients use the tag scheme.
func StartDockerRegistry(ctx context.Context, dir string) (*Registry, error) {
	host, err := freePort()
	if err != nil {
		return nil, err
	}
	conf := fmt.Sprintf("version: 0.1\nlog: {level: warn}\nstorage: {filesystem: {rootdirectory: %s/data}, delete: {enabled: true}}\nhttp: {addr: %q}\n", dir, host)
	file := filepath.Join(dir, "registry.yml")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	if err := os.WriteFile(file, []byte(conf), 0o644); err != nil {
		return nil, err
	}
	p, err := StartProcess(exec.Command("docker-registry", "serve", file), filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	if err := p.waitFor(ctx, func() bool { return dials("tcp", host) }); err != nil {
		p.Kill()
		return nil, err
	}
	return &Registry{Host: host, stop: p.Stop}, nil
}

// StartReferrersRegistry starts an in-process registry with the referrers
// API; blobs are files below dir.
func StartReferrersRegistry(dir string) (*Registry, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	srv := &http.Server{
		Handler:           registry.New(registry.WithReferrersSupport(true), registry.WithBlobHandler(registry.NewDiskBlobHandler(dir)), registry.Logger(log.New(io.Discard, "", 0))),
		ReadHeaderTimeout: time.Minute,
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(l)
	}()
	return &Registry{Host: l.Addr().String(), stop: func() error {
		err := srv.Close()
		<-done
		return err
	}}, nil
}

// Stop ends the registry.
func (r *Registry) Stop() error { return r.stop() }

// freePort finds a loopback port that nobody uses.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String(), nil
}
