// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package service

import (
	"errors"

	"github.com/containerd/log"

	"github.com/spryd/spry/config"
)

// SetLog configures the process's log. It is for main, before anything logs.
func SetLog(c config.Config) error {
	return errors.Join(log.SetLevel(c.LogLevel), log.SetFormat(log.OutputFormat(c.LogFormat)))
}
