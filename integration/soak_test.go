// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package integration_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// soakRounds is how often TestSoak pulls, runs and removes an image;
// SPRY_SOAK overrides it.
const soakRounds = 12

// resources is what a daemon holds when nothing is mounted.
type resources struct {
	goroutines, descriptors, mounts, files int
}

func (r resources) String() string {
	return fmt.Sprintf("%d goroutines, %d descriptors, %d mounts, %d files", r.goroutines, r.descriptors, r.mounts, r.files)
}

// resources counts them.
func (n *node) resources() (r resources) {
	n.t.Helper()
	m := n.metrics()
	r.goroutines, r.descriptors = int(m["go_goroutines"]), int(m["process_open_fds"])
	r.mounts = len(n.mounts())
	for _, dir := range []string{"layers", "m", "snapshots"} {
		entries, err := os.ReadDir(filepath.Join(n.spryd.Root(), dir))
		if err != nil && !os.IsNotExist(err) {
			n.t.Fatal(err)
		}
		r.files += len(entries)
	}
	return r
}

// metrics are the daemon's metrics, those with labels under name{labels}.
func (n *node) metrics() map[string]float64 {
	n.t.Helper()
	transport := &http.Transport{
		DisableKeepAlives: true, // a connection is a descriptor and two goroutines
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(filepath.Dir(n.spryd.Address()), "status.sock"))
		},
	}
	resp, err := (&http.Client{Transport: transport}).Get("http://spryd/metrics")
	if err != nil {
		n.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	out := map[string]float64{}
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), " ")
		if v, err := strconv.ParseFloat(value, 64); err == nil {
			out[name] = v
		}
	}
	return out
}

// Pulling, running and removing images again and again leaves no mount, file,
// goroutine or descriptor behind.
func TestSoak(t *testing.T) {
	rounds := soakRounds
	if v := os.Getenv("SPRY_SOAK"); v != "" {
		var err error
		if rounds, err = strconv.Atoi(v); err != nil {
			t.Fatalf("SPRY_SOAK: %v", err)
		}
	}
	r := newRegistry(t)
	refs := []string{r.convert("a", smallImage(t)), r.convert("b", image(t, "busybox", "data", "other"))}
	n := newNode(t, "2", "")
	var first resources
	for i := range rounds {
		for _, ref := range refs {
			n.pull(ref)
		}
		n.ready("default", refs[i%len(refs)])
		for _, ref := range refs {
			n.removeImage("default", ref)
		}
		if left := n.leftovers(); len(left) != 0 {
			t.Fatalf("round %d left %s", i, strings.Join(left, " "))
		}
		if i == 1 { // connections, caches and pools are what they will be
			first = n.settled(resources{})
		}
	}
	last := n.settled(first)
	t.Logf("after 2 rounds: %v; after %d: %v", first, rounds, last)
	if last.mounts > first.mounts || last.files > first.files ||
		last.goroutines > first.goroutines+slackOf(first.goroutines) || last.descriptors > first.descriptors+slackOf(first.descriptors) {
		t.Errorf("after 2 rounds: %v; after %d: %v", first, rounds, last)
	}
}

// slackOf is what a count may differ by for connections that happen to be
// open; a leak of one in every round of a soak is far more.
func slackOf(count int) int { return max(count/10, 6) }

// settled counts until there is no more than wanted, or, with nothing wanted,
// until the count stays the same, for a while.
func (n *node) settled(want resources) resources {
	n.t.Helper()
	last := n.resources()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
		if want != (resources{}) && last.goroutines <= want.goroutines && last.descriptors <= want.descriptors {
			break
		}
		time.Sleep(500 * time.Millisecond)
		next := n.resources()
		if next == last && want == (resources{}) {
			break
		}
		last = next
	}
	return last
}
