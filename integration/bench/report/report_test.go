// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package report_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spryd/spry/integration/bench/report"
)

// sample has every kind of value that a table can meet.
func sample() *report.Report {
	start := func(pull, run float64, mb int64, local float64) report.Start {
		return report.Start{Pull: pull, Run: run, Lazy: 2, Bytes: mb * 1e6, Local: local, PeakBytes: 100 << 20, CPU: 2.5, ContainerdCPU: 0.5}
	}
	full := func(pull, run float64) report.Start {
		return report.Start{Pull: pull, Run: run, Bytes: 100e6, Local: pull, ContainerdCPU: 9}
	}
	return &report.Report{
		Mbit: 1000, RTT: 0.005, CPUs: 2,
		Cold: []report.Cold{{
			Image: "app", Compressed: 100e6, Inflate: 3, Oracle: []int64{10e6, 11e6, 30e6},
			EmptyPull: []float64{0.5, 0.4, 0.6}, WarmRun: []float64{0.5, 0.5, 0.7},
			Rows: []report.Row{
				{Snapshotter: "overlayfs", Starts: []report.Start{full(9, 1), full(10, 1), full(12, 2)}},
				{Snapshotter: "spry", Starts: []report.Start{start(1, 1, 12, 5), start(1, 2, 13, 0), start(1, 5, 22, 0)}},
				{Snapshotter: "peer", Starts: []report.Start{start(1, 5, 50, -1)}, Errors: []string{"it fell over"}},
				{Snapshotter: "dead", Errors: []string{"no socket"}},
			},
		}},
		Warm: []report.Warm{{
			Image: "app", Kinds: []string{"overlayfs", "lazy", "plain"}, Notes: []string{"plain: never"},
			Works: []report.Work{
				{Name: "sequential read", Unit: "MB/s", Rates: map[string][]float64{"overlayfs": {4000, 5000, 6000}, "lazy": {4000, 3000, 9000}}},
				{Name: "exec", Unit: "starts/s", Rates: map[string][]float64{"lazy": {900}}},
			},
		}},
		FullReads: []report.FullRead{{Name: "weights", Size: 300e6, Compressed: 275e6, Inflate: 1.5, Rows: []report.FullReadRow{
			{Snapshotter: "spry", Seconds: []float64{2, 2.5, 4}, BytesBefore: []int64{25e6, 25e6, 0}},
			{Snapshotter: "dead", Errors: []string{"no socket"}},
		}}},
		Demand: &report.Demand{Name: "weights", Reads: 3, Rows: []report.DemandRow{
			{Snapshotter: "spry", Runs: []report.DemandRun{{Waits: []float64{0.01, 0.02, 0.03}, Seconds: 0.06, Bytes: 1.2e6}}},
			{Snapshotter: "spry", Beside: "app", Runs: []report.DemandRun{{Waits: []float64{0.04, 0.01, 0.02}, Seconds: 0.07, Bytes: 7e6}, {Waits: []float64{0.05, 0.03, 0.02}, Seconds: 0.1, Bytes: 8e6}}},
			{Snapshotter: "dead", Errors: []string{"no socket"}},
		}},
		Idle: &report.Idle{Images: []string{"app-0", "app-1"}, Compressed: 200e6, Rows: []report.IdleRow{
			{Snapshotter: "spry", Lazy: 2, Bytes: 50 << 20, PeakBytes: 90 << 20},
			{Snapshotter: "dead", Error: "no socket"},
		}},
	}
}

// The tables are what testdata/tables.txt shows; UPDATE=1 rewrites it.
func TestTables(t *testing.T) {
	var b strings.Builder
	if err := sample().WriteTables(&b); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", "tables.txt")
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Error(diff)
	}
}

func TestEmptyReport(t *testing.T) {
	var b strings.Builder
	r := &report.Report{Cold: []report.Cold{{Image: "none"}}, Warm: []report.Warm{{Kinds: []string{"overlayfs"}}}, FullReads: []report.FullRead{{}}, Demand: &report.Demand{Rows: []report.DemandRow{{}}}, Idle: &report.Idle{}}
	if err := r.WriteTables(&b); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "NaN") || strings.Contains(b.String(), "Inf") {
		t.Error(b.String())
	}
}

func TestColdNumbers(t *testing.T) {
	c := sample().Cold[0]
	for name, v := range map[string][2]float64{
		"floor":       {c.Floor(), 1},
		"oracle":      {c.OracleBytes(), 11e6},
		"limit, CPUs": {c.LocalLimit(1000, 2), 1.5},
		"limit, line": {c.LocalLimit(200, 2), 4},
		"above floor": {c.AboveFloor(c.Rows[1]), 2},
	} {
		if v[0] != v[1] {
			t.Errorf("%s is %v, want %v", name, v[0], v[1])
		}
	}
}

func TestFailure(t *testing.T) {
	r := sample()
	if err := r.Failure(); err == nil || !strings.Contains(err.Error(), "5 starts") {
		t.Errorf("got %v", err)
	}
	if err := (&report.Report{}).Failure(); err != nil {
		t.Error(err)
	}
}

func TestLineRate(t *testing.T) {
	f := report.FullRead{Compressed: 125e6}
	for _, c := range []struct {
		seconds float64
		before  int64
		want    float64
	}{{1, 0, 1}, {2, 0, 0.5}, {0.5, 62.5e6, 1}, {1, 200e6, 0}, {0, 0, 0}} {
		if got := f.LineRate(c.seconds, c.before, 1000); got != c.want {
			t.Errorf("%+v: got %v", c, got)
		}
	}
}

func TestJSON(t *testing.T) {
	var b strings.Builder
	if err := sample().WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	var got report.Report
	if err := json.Unmarshal([]byte(b.String()), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sample(), &got); diff != "" {
		t.Error(diff)
	}
}
