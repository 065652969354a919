// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package progress

import (
	"strings"
	"unicode"
)

// Clean makes text that may come from an image safe to print: what could move
// the cursor becomes "?". Line ends and tabs stay.
func Clean(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return '?'
		}
		return r
	}, s)
}
