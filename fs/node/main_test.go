// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package node_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestMain lets the test binary be run from a mount, and beside one: with
// SPRY_TEST_STATUS it prints fields of its own /proc/self/status, with
// SPRY_TEST_MMAP the digest of a file that it maps.
func TestMain(m *testing.M) {
	var err error
	switch fields, path := os.Getenv("SPRY_TEST_STATUS"), os.Getenv("SPRY_TEST_MMAP"); {
	case fields != "":
		err = printStatus(fields)
	case path != "":
		err = printMapped(path)
	default:
		os.Exit(m.Run())
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// mounted returns a command that executes the file at path, which a mount of
// this process serves. A shell executes it: os/exec holds a P until its own
// child has executed something, and a garbage collection that waits for that P
// stops the goroutines that the child's execve waits for.
func mounted(path string) *exec.Cmd {
	return exec.Command("/bin/sh", "-c", `exec "$0"`, path)
}

func printStatus(fields string) error {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	for line := range strings.SplitSeq(string(b), "\n") {
		if k, v, ok := strings.Cut(line, ":\t"); ok && strings.Contains(","+fields+",", ","+k+",") {
			fmt.Println(v)
		}
	}
	return nil
}

func printMapped(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	st, err := f.Stat()
	if err != nil {
		return err
	}
	m, err := unix.Mmap(int(f.Fd()), 0, int(st.Size()), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	fmt.Printf("%x\n", sha256.Sum256(m))
	return nil
}
