// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package convert

import "errors"

// ErrEmpty says that none of the image's layers has a ztoc, so that there is
// nothing to convert.
var ErrEmpty = errors.New("no layer of the image is indexed")
