// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package config

import (
	"bytes"
	"io"

	"github.com/pelletier/go-toml/v2"
)

const fileHeader = "# Configuration of spryd. Every key may be left out; what follows is the default\n" +
	"# unless this was printed by a configured daemon.\n\n"

// WriteTo writes a file with every key, its value and its documentation.
func (c Config) WriteTo(w io.Writer) (int64, error) {
	var b bytes.Buffer
	b.WriteString(fileHeader)
	if err := toml.NewEncoder(&b).Encode(c); err != nil {
		return 0, err
	}
	return b.WriteTo(w)
}
