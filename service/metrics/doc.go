// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

// Package metrics serves what operators and their systems ask over HTTP:
//
//	GET /v1/status   a [status.Report] as JSON
//	GET /metrics     counters and gauges for Prometheus, all named spry_...
//
// Both are answered from memory, and never wait for a registry or a disk.
package metrics
