// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package work_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spryd/spry/integration/bench/work"
)

func TestTasks(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, make([]byte, 3<<20+1), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		task work.Task
		want int64
	}{
		{work.Task{Kind: "read", Path: file}, 3<<20 + 1},
		{work.Task{Kind: "read", Path: file, Warm: true}, 3<<20 + 1},
		{work.Task{Kind: "read", Path: file, Count: 2}, 6<<20 + 2},
		{work.Task{Kind: "random", Path: file, Count: 50}, 50},
		{work.Task{Kind: "demand", Path: file, Count: 50}, 50},
		{work.Task{Kind: "exec", Path: "/bin/true", Count: 3}, 3},
		{work.Task{Kind: "find", Path: dir}, 2},
	} {
		t.Run(strings.Join(c.task.Args(), " "), func(t *testing.T) {
			var out strings.Builder
			if err := work.Main(c.task.Args(), &out); err != nil {
				t.Fatal(err)
			}
			r, err := work.ParseResult(out.String())
			if err != nil {
				t.Fatal(err)
			}
			if r.Units != c.want || r.Seconds <= 0 || r.Rate() <= 0 {
				t.Errorf("got %+v, want %d units", r, c.want)
			}
		})
	}
}

func TestErrors(t *testing.T) {
	small := filepath.Join(t.TempDir(), "small")
	if err := os.WriteFile(small, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		nil,
		{"read"},
		{"read", "/does/not/exist", "0", "false"},
		{"read", small, "many", "false"},
		{"read", small, "1", "perhaps"},
		{"random", small, "1", "false"},
		{"exec", "/does/not/exist", "1", "true"},
		{"find", "/does/not/exist", "1", "false"},
		{"dance", small, "1", "false"},
	} {
		if err := work.Main(args, &strings.Builder{}); err == nil {
			t.Errorf("%q is no error", args)
		}
	}
	if _, err := work.ParseResult("not json"); err == nil {
		t.Error("text is a result")
	}
}
