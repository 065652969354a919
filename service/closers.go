// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package service

import (
	"errors"
	"fmt"
)

// closers are what was opened, in order. Closing goes backwards, through all.
type closers []closer

type closer struct {
	name  string
	close func() error
}

func (c *closers) add(name string, close func() error) {
	*c = append(*c, closer{name, close})
}

// Close closes everything, the latest first, and returns all errors.
func (c *closers) Close() error {
	var errs []error
	for i := len(*c) - 1; i >= 0; i-- {
		if err := (*c)[i].close(); err != nil {
			errs = append(errs, fmt.Errorf("close %s: %w", (*c)[i].name, err))
		}
	}
	*c = nil
	return errors.Join(errs...)
}
