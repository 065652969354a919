// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// maxFile bounds a configuration file in bytes.
const maxFile = 1 << 20

// Load reads a file over the defaults. It does not validate: flags may still
// change values. A missing file is fs.ErrNotExist.
func Load(path string) (Config, error) {
	f, err := os.Open(path)
	if err != nil {
		return Config{}, err
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return Config{}, err
	}
	if len(b) > maxFile {
		return Config{}, fmt.Errorf("%s: larger than %d bytes", path, maxFile)
	}
	c, err := Parse(b)
	if err != nil {
		return Config{}, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// Parse reads TOML over the defaults. Unknown keys and values of a wrong type
// are errors with their line.
func Parse(b []byte) (Config, error) {
	c := Default()
	dec := toml.NewDecoder(strings.NewReader(string(b)))
	err := dec.DisallowUnknownFields().Decode(&c)
	if err == nil {
		return c, nil
	}
	var strict *toml.StrictMissingError
	if errors.As(err, &strict) {
		var all []error
		for i := range strict.Errors {
			row, _ := strict.Errors[i].Position()
			all = append(all, fmt.Errorf("line %d: unknown key %s", row, strings.Join(strict.Errors[i].Key(), ".")))
		}
		return Config{}, errors.Join(all...)
	}
	var decode *toml.DecodeError
	if errors.As(err, &decode) {
		row, _ := decode.Position()
		return Config{}, fmt.Errorf("line %d: %w", row, err)
	}
	return Config{}, err
}
