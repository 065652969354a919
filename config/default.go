// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package config

import "time"

const (
	// DefaultPath is where the daemon looks for its configuration.
	DefaultPath = "/etc/spryd/config.toml"
	// DefaultAddress is the default of Config.Address.
	DefaultAddress = "/run/spryd/spryd.sock"
	// DefaultRoot is the default of Config.Root.
	DefaultRoot = "/var/lib/spryd"
)

// Default is the configuration of an empty file.
func Default() Config {
	return Config{
		Address:   DefaultAddress,
		Root:      DefaultRoot,
		LogLevel:  "info",
		LogFormat: "text",
		Registry: Registry{
			ConfigPath:    []string{"/etc/containerd/certs.d", "/etc/docker/certs.d"},
			Retries:       5,
			HeaderTimeout: Duration{Duration: 20 * time.Second},
			StallTimeout:  Duration{Duration: 10 * time.Second},
		},
		Index:       Index{Attempts: 3, NoneFor: Duration{Duration: 30 * time.Second}, Timeout: Duration{Duration: 30 * time.Second}},
		Fetch:       Fetch{Connections: 16, Background: true, Deadline: Duration{Duration: time.Minute}, Slow: Duration{Duration: 10 * time.Second}},
		Trust:       Trust{OnLie: OnLieFail},
		Snapshotter: Snapshotter{RestoreParallel: 8, Erofs: true, MountOptions: []string{}},
	}
}
