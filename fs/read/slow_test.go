// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package read_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/sirupsen/logrus"
	logtest "github.com/sirupsen/logrus/hooks/test"

	"github.com/spryd/spry/fs/fetch"
	"github.com/spryd/spry/fs/layer/layertest"
	"github.com/spryd/spry/fs/read"
)

const waits = "a read waits for its registry"

func TestSlowReadsAreReportedOnceAnOutage(t *testing.T) {
	hook := logtest.NewGlobal()
	defer logrus.StandardLogger().ReplaceHooks(make(logrus.LevelHooks))
	l := layertest.New(t, 10, 8000, 1<<20)
	synctest.Test(t, func(t *testing.T) {
		c := new(read.Counters)
		b := newBench(t, l, func(o *read.Options) {
			o.Slow, o.Deadline, o.Counters = 5*time.Second, 30*time.Second, c
			o.Images = func() []string { return []string{"registry.example/app:1"} }
		})
		b.blob.Answer(layertest.Fail(errPassing))
		for range 3 {
			go func() { _, _ = b.file(t.Context(), l.Node(t, some)) }()
		}
		time.Sleep(4 * time.Second)
		if n := c.Waiting.Load(); n != 3 || c.Slow.Load() != 0 {
			t.Errorf("after 4 s: %d reads wait, %d are slow", n, c.Slow.Load())
		}
		time.Sleep(30 * time.Second)
		if c.Slow.Load() != 3 || c.Failed.Load() != 3 || c.Waiting.Load() != 0 || c.Waited.Load() != 3 {
			t.Errorf("after the deadline: %d slow, %d failed, %d waiting, %d waited, want 3 3 0 3",
				c.Slow.Load(), c.Failed.Load(), c.Waiting.Load(), c.Waited.Load())
		}
		b.blob.Answer(nil)
		b.check(t, some)
		if n := c.Fetched(fetch.Demand); n == 0 {
			t.Error("no demand bytes were counted")
		}
	})
	var reports []*logrus.Entry
	for _, e := range hook.AllEntries() {
		if e.Message == waits {
			reports = append(reports, e)
		}
	}
	if len(reports) != 1 {
		t.Fatalf("%d reports of one outage", len(reports))
	}
	for _, key := range []string{"layer", "span", "image", "duration", "error"} {
		if reports[0].Data[key] == nil {
			t.Errorf("report has no %s", key)
		}
	}
}
