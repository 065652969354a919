// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package oracle

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

const pageSize = 4096

// Resident lists the page-aligned ranges of a file that are in the page
// cache, in order and not touching each other. It reads nothing of the file.
// It needs the system call cachestat (Linux 6.5).
func Resident(file string) ([]Range, error) {
	f, err := os.OpenFile(file, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NOATIME, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	fi, err := f.Stat()
	if err != nil {
		return nil, err
	}
	pages := (fi.Size() + pageSize - 1) / pageSize
	ranges, err := bisect(0, pages, func(first, n int64) (int64, error) {
		var st unix.Cachestat_t
		err := unix.Cachestat(uint(f.Fd()), &unix.CachestatRange{Off: uint64(first * pageSize), Len: uint64(n * pageSize)}, &st, 0)
		return int64(st.Cache), err
	})
	if err != nil {
		return nil, fmt.Errorf("cachestat %s: %w", file, err)
	}
	return ranges, nil
}

// bisect finds the resident pages among n from first by asking how many of
// some pages are.
func bisect(first, n int64, count func(first, n int64) (int64, error)) ([]Range, error) {
	if n == 0 {
		return nil, nil
	}
	c, err := count(first, n)
	if err != nil || c == 0 {
		return nil, err
	}
	if c >= n {
		return []Range{{first * pageSize, (first + n) * pageSize}}, nil
	}
	left, err := bisect(first, n/2, count)
	if err != nil {
		return nil, err
	}
	right, err := bisect(first+n/2, n-n/2, count)
	if err != nil {
		return nil, err
	}
	if len(left) > 0 && len(right) > 0 && left[len(left)-1].End == right[0].Start {
		left[len(left)-1].End = right[0].End
		right = right[1:]
	}
	return append(left, right...), nil
}
