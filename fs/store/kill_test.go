// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package store_test

import (
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"

	"github.com/spryd/spry/fs/layer/layertest"
	"github.com/spryd/spry/fs/store"
	"github.com/spryd/spry/index/span"
)

// killedDir tells this test binary to be the process that gets killed, and
// where its store is.
const killedDir = "SPRY_STORE_TEST_KILLED_DIR"

func killedLayer(t *testing.T) *layertest.Layer { return layertest.New(t, 400, 6000, 3000) }

// TestKilledWriter is the child of TestSurvivesKills: it writes spans and
// says so until it is killed.
func TestKilledWriter(t *testing.T) {
	dir := os.Getenv(killedDir)
	if dir == "" {
		t.Skip("only as a child of TestSurvivesKills")
	}
	l := killedLayer(t)
	s := open(t, dir, l)
	for _, id := range rand.Perm(l.Len()) {
		if err := s.Put(span.ID(id), l.Out(span.ID(id))); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stderr.WriteString("."); err != nil {
			t.Fatal(err)
		}
	}
	select {}
}

// However a process dies, what it recorded is on disk and right.
func TestSurvivesKills(t *testing.T) {
	l := killedLayer(t)
	dir := t.TempDir()
	for range 6 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKilledWriter$")
		cmd.Env = append(os.Environ(), killedDir+"="+dir)
		said, err := cmd.StderrPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		least := 20 + rand.IntN(100)
		if _, err := io.ReadFull(said, make([]byte, least)); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // "signal: killed"
		checkRecorded(t, dir, l, least)
	}
}

// checkRecorded opens the store and compares every span it claims to have.
func checkRecorded(t *testing.T, dir string, l *layertest.Layer, least int) {
	t.Helper()
	s, err := store.Open(dir, l.Tree, l)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	have := 0
	for id := range span.ID(l.Len()) {
		if s.Has(id) {
			have++
			checkSpan(t, s, l, id)
		}
	}
	if have < least {
		t.Errorf("%d spans recorded, at least %d were written", have, least)
	}
}
