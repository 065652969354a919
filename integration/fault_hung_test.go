// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package integration_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spryd/spry/fs/remote/remotetest"
)

// Reads that wait are seen: once in the log, with what an operator has to know,
// and in the status.
func TestHungReadsAreVisible(t *testing.T) {
	s := newField(t, time.Minute).site(t, 1)
	s.pull(s.ref)
	root := s.root()
	s.faulty.Rule(remotetest.Rule{Path: "/blobs/", Do: remotetest.Hold(nil)})
	l, result := s.layers[0], make(chan *outcome, 1)
	go func() { result <- l.read(t, root) }()
	s.eventually("slow reads in the status", func() bool { return s.reads().Slow >= 2 })
	out := s.spry("status", "--status-address", filepath.Join(filepath.Dir(s.spryd.Address()), "status.sock"))
	if !strings.Contains(out, "reads wait") {
		t.Errorf("spry status printed %q", out)
	}
	s.faulty.ClearRules()
	if o := <-result; o.eio > 0 {
		t.Errorf("%d EIO", o.eio)
	}
	var reports []string
	for line := range strings.Lines(s.spryd.Log()) {
		if strings.Contains(line, "level=warning") && strings.Contains(line, l.digest.String()) {
			reports = append(reports, line)
		}
	}
	if len(reports) != 1 {
		t.Fatalf("%d reports of one outage: %q", len(reports), reports)
	}
	for _, key := range []string{"image=\"" + s.ref, "span=", "error=", "duration="} {
		if !strings.Contains(reports[0], key) {
			t.Errorf("no %s in %q", key, reports[0])
		}
	}
}
