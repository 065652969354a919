// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

// Package testbed starts the real things that Spry lives among: containerd
// 1.7 and 2.x, registries with and without the referrers API, a network with
// a bandwidth and a round-trip time, images built from Debian packages, and
// the daemon itself. The integration tests, the demo and the benchmarks share it.
//
// Everything listens on loopback or on unix sockets below a directory of the
// caller, and every started process belongs to the value that Stop ends.
package testbed
