// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package remote_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spryd/spry/fs/remote"
	"github.com/spryd/spry/fs/remote/remotetest"
)

// quick is a configuration for tests: what waits in production for seconds
// waits for milliseconds.
func quick() remote.Options {
	return remote.Options{
		Retries: 3, Backoff: time.Millisecond, MaxBackoff: 1500 * time.Millisecond,
	}
}

// impatient is quick with stalls noticed fast. A loaded machine may see some
// that are none, so tests that use it do not count requests exactly.
func impatient() remote.Options {
	o := quick()
	o.Retries, o.MaxBackoff = 10, 50*time.Millisecond
	o.StallWindow, o.StallBytes = 200*time.Millisecond, 1<<10
	o.HeaderTimeout = 500 * time.Millisecond
	return o
}

// open makes a Registry that ends with the test.
func open(t testing.TB, o remote.Options) *remote.Registry {
	t.Helper()
	r := remote.New(o)
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// noise is content without structure.
func noise(n int) []byte {
	b := make([]byte, n)
	r := rand.New(rand.NewPCG(1, uint64(n)))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// mirrored configures the registry reg.test: mirrors first, then the origin.
func mirrored(t testing.TB, origin *remotetest.Server, mirrors ...*remotetest.Server) remote.HostOptions {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "server = %q\n", origin.URL)
	for _, m := range mirrors {
		fmt.Fprintf(&b, "[host.%q]\n  capabilities = [\"pull\", \"resolve\"]\n", m.URL)
	}
	return configured(t, b.String())
}

// configured writes the hosts.toml of the registry reg.test.
func configured(t testing.TB, toml string) remote.HostOptions {
	t.Helper()
	root := t.TempDir()
	writeHosts(t, root, toml)
	return remote.HostOptions{ConfigDirs: []string{root}}
}

func writeHosts(t testing.TB, root, toml string) {
	t.Helper()
	dir := filepath.Join(root, "reg.test")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "hosts.toml"), []byte(toml), 0o644); err != nil {
		t.Fatal(err)
	}
}

// readRange reads one range to its end.
func readRange(ctx context.Context, b *remote.Blob, off, n int64) ([]byte, error) {
	rc, err := b.ReadRange(ctx, off, n)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rc.Close() }()
	return io.ReadAll(rc)
}

// noSecrets fails when an error shows a query.
func noSecrets(t *testing.T, err error) {
	t.Helper()
	if err != nil && strings.Contains(err.Error(), "secret") {
		t.Errorf("error shows a signed query: %v", err)
	}
}
