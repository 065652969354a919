// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package integration_test

import (
	"context"
	"encoding/json"
	"slices"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/spryd/spry/integration/testbed"
)

// registryFixture is a registry for one test.
type registryFixture struct {
	*testbed.Registry
	t    *testing.T
	ctx  context.Context
	dir  string
	host string // what references name
}

// newRegistry starts a registry with the referrers API.
func newRegistry(t *testing.T) *registryFixture {
	t.Helper()
	dir := t.TempDir()
	r, err := testbed.StartReferrersRegistry(dir)
	return fixture(t, dir, r, err)
}

// newOldRegistry starts Debian's docker-registry, which has no referrers API.
func newOldRegistry(t *testing.T) *registryFixture {
	t.Helper()
	dir := t.TempDir()
	r, err := testbed.StartDockerRegistry(t.Context(), dir)
	return fixture(t, dir, r, err)
}

func fixture(t *testing.T, dir string, r *testbed.Registry, err error) *registryFixture {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Stop(); err != nil {
			t.Error(err)
		}
	})
	return &registryFixture{Registry: r, t: t, ctx: testContext(t), dir: dir, host: r.Host}
}

// push pushes an image without an index.
func (r *registryFixture) push(name string, img testbed.Image) string {
	r.t.Helper()
	ref := r.host + "/" + name + ":latest"
	if _, err := img.Push(r.ctx, ref); err != nil {
		r.t.Fatal(err)
	}
	return ref
}

// small spans make small layers have many of them.
var smallSpans = []string{"--span-size", "65536", "--min-layer-size", "0", "--plain-http"}

// convert pushes an image with a v2 index and gives its reference.
func (r *registryFixture) convert(name string, img testbed.Image, flags ...string) string {
	r.t.Helper()
	src := r.push(name, img)
	dst := r.host + "/" + name + ":soci"
	if len(flags) == 0 {
		flags = smallSpans
	}
	spry(r.t, append(append([]string{"convert"}, flags...), "docker://"+src, "docker://"+dst)...)
	return dst
}

// tampered puts a proxy in front of the registry that can change bytes;
// references made from now on go through it.
func (r *registryFixture) tampered() *testbed.Tamper {
	r.t.Helper()
	p, err := testbed.NewTamper(r.Host)
	if err != nil {
		r.t.Fatal(err)
	}
	r.through(p.Host, p.Stop)
	return p
}

// outage puts a proxy in front of the registry that can fail; references
// made from now on go through it.
func (r *registryFixture) outage() *testbed.Outage {
	r.t.Helper()
	p, err := testbed.NewOutage(r.Host)
	if err != nil {
		r.t.Fatal(err)
	}
	r.through(p.Host, p.Stop)
	return p
}

// through makes references from now on go through a proxy at host.
func (r *registryFixture) through(host string, stop func() error) {
	r.t.Cleanup(func() {
		if err := stop(); err != nil {
			r.t.Error(err)
		}
	})
	r.host = host
}

// create pushes a v1 index of a pushed image and gives its digest; flags are
// for spry create.
func (r *registryFixture) create(ref string, flags ...string) digest.Digest {
	r.t.Helper()
	var made struct {
		Platforms []struct {
			Index digest.Digest `json:"index"`
		} `json:"platforms"`
	}
	out := spry(r.t, slices.Concat([]string{"create", "--json"}, smallSpans, flags, []string{"docker://" + ref})...)
	if err := json.Unmarshal([]byte(out), &made); err != nil || len(made.Platforms) != 1 {
		r.t.Fatalf("spry create --json printed %q: %v", out, err)
	}
	return made.Platforms[0].Index
}
