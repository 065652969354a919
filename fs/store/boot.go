// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package store

import (
	"bytes"
	"fmt"
	"os"
)

// bootIDFile holds a value that is new at each boot.
const bootIDFile = "/proc/sys/kernel/random/boot_id"

// BootID identifies the running boot (proc_sys_kernel(5)).
func BootID() (string, error) {
	b, err := os.ReadFile(bootIDFile)
	if err != nil {
		return "", err
	}
	b = bytes.TrimSpace(b)
	if len(b) == 0 || len(b) > bootIDSize {
		return "", fmt.Errorf("%s: %d bytes", bootIDFile, len(b))
	}
	return string(b), nil
}
