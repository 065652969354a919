// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
)

// describe names a metric of ours.
func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("spry_"+name, help, labels, nil)
}

var (
	buildDesc   = describe("build_info", "Always 1; the version of the daemon is the label.", "version")
	layersDesc  = describe("layers", "Layers on this host, by state.", "state")
	sizeDesc    = describe("layers_compressed_bytes", "Compressed bytes of all layers on this host.")
	missingDesc = describe("layers_missing_bytes", "Compressed bytes of those layers that are not local yet.")
	fetchedDesc = describe("fetched_bytes_total", "Verified compressed bytes of layers, by why they were fetched.", "class")
	waitedDesc  = describe("waited_reads_total", "Reads of files that had to wait for data.")
	waitDesc    = describe("waited_seconds_total", "How long these reads waited in all.")
	waitingDesc = describe("waiting_reads", "Reads that wait for data now.")
	slowDesc    = describe("slow_reads_total", "Reads that waited longer than fetch.slow.")
	failedDesc  = describe("failed_reads_total", "Reads that ended with an I/O error.")
	wrongDesc   = describe("wrong_spans_total", "Spans whose bytes did not match the index.")
)

// collector asks a source at each scrape. It is unchecked (Describe sends
// nothing), as client_golang has it for collectors made for one registry.
type collector struct{ source Source }

// Describe implements [prometheus.Collector].
func (c collector) Describe(chan<- *prometheus.Desc) {}

// Collect implements [prometheus.Collector].
func (c collector) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	count := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
	}
	states := map[string]int{}
	var size, missing int64
	for _, l := range c.source.Layers() {
		states[l.State]++
		size += l.Size
		missing += l.Missing
	}
	gauge(buildDesc, 1, c.source.Version)
	gauge(sizeDesc, float64(size))
	gauge(missingDesc, float64(missing))
	for state, n := range states {
		gauge(layersDesc, float64(n), state)
	}
	r := c.source.Reads()
	for class, n := range r.Fetched {
		count(fetchedDesc, float64(n), class)
	}
	count(waitedDesc, float64(r.Waited))
	count(waitDesc, r.WaitSeconds)
	gauge(waitingDesc, float64(r.Waiting))
	count(slowDesc, float64(r.Slow))
	count(failedDesc, float64(r.Failed))
	count(wrongDesc, float64(r.WrongSpans))
}
