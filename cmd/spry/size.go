// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// size is a flag in bytes: 4194304, 4096KiB or 4MiB.
type size int64

var units = []struct {
	name  string
	bytes int64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"k", 1 << 10}, {"m", 1 << 20}, {"g", 1 << 30}, {"", 1}}

// Set implements pflag.Value.
func (s *size) Set(v string) error {
	for _, u := range units {
		num, ok := strings.CutSuffix(v, u.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(num, 10, 64)
		if err != nil || n < 0 || n > math.MaxInt64/u.bytes {
			break
		}
		*s = size(n * u.bytes)
		return nil
	}
	return fmt.Errorf("%q is no size, want bytes or a number with KiB, MiB or GiB", v)
}

// String implements pflag.Value.
func (s *size) String() string { return strconv.FormatInt(int64(*s), 10) }

// Type implements pflag.Value.
func (s *size) Type() string { return "bytes" }
