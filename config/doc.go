// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

// Package config is the daemon's configuration: TOML to values.
//
// Defaults are good for a host with a stock containerd; an empty file is a
// complete configuration. The struct tags are the only source of the
// documentation: [Config.WriteTo] writes a file with every key, its value and
// its comment, and docs/config.toml is that file for the defaults.
//
// A file is read strictly: an unknown key is an error that names it, and
// [Config.Validate] reports all faults at once. Nothing outside service and
// cmd imports this package; service turns the values into the Options of each
// part.
package config
