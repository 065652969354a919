// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package config

import "time"

// Duration is a time.Duration that TOML writes as a string such as "1m30s". It
// is a struct so that a number, which has no unit, is refused.
type Duration struct{ time.Duration }

// UnmarshalText parses a duration with its unit.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	d.Duration = v
	return err
}

// MarshalText writes a duration without zero units at its end.
func (d Duration) MarshalText() ([]byte, error) {
	v := d.Duration
	switch {
	case v == 0:
		return []byte("0s"), nil
	case v%time.Hour == 0:
		return trimUnits(v.String(), "0m0s"), nil
	case v%time.Minute == 0:
		return trimUnits(v.String(), "0s"), nil
	}
	return []byte(v.String()), nil
}

func trimUnits(s, zero string) []byte { return []byte(s[:len(s)-len(zero)]) }
