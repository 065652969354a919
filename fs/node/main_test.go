// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package node_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestMain lets the test binary be run from a mount: with SPRY_TEST_STATUS it
// prints fields of its own /proc/self/status.
func TestMain(m *testing.M) {
	fields := os.Getenv("SPRY_TEST_STATUS")
	if fields == "" {
		os.Exit(m.Run())
	}
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for line := range strings.SplitSeq(string(b), "\n") {
		if k, v, ok := strings.Cut(line, ":\t"); ok && strings.Contains(","+fields+",", ","+k+",") {
			fmt.Println(v)
		}
	}
}
