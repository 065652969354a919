// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package discover

import (
	"github.com/opencontainers/go-digest"

	"github.com/spryd/spry/index"
)

// Values of Found.Source.
const (
	SourceLabel      = "label"
	SourceAnnotation = "annotation"
	SourceReferrers  = "referrers"
)

// Found is an index and how it was found. It is shared: do not change it.
type Found struct {
	Digest digest.Digest
	Index  *index.Index
	Source string
}
