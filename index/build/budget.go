// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package build

import (
	"strconv"

	"github.com/spryd/spry/index/ztoc"
)

// budget is how many bytes of ztoc may still be built. It bounds what a
// hostile layer can make the builder keep.
type budget struct{ left int64 }

func newBudget() *budget { return &budget{left: ztoc.MaxSize} }

// spend takes n bytes off the budget.
func (b *budget) spend(n int64) error {
	if b.left -= n; b.left < 0 {
		return skipf(nil, "its ztoc would be larger than %d bytes", int64(ztoc.MaxSize))
	}
	return nil
}

// quote is name for a message, cut if it is long.
func quote(name string) string {
	const most = 200
	if len(name) > most {
		return strconv.Quote(name[:most]) + "..."
	}
	return strconv.Quote(name)
}
