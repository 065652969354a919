// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package ztoc

import (
	"bytes"

	"github.com/spryd/spry/index/inflate"
	"github.com/spryd/spry/index/span"
)

// CheckWindow says whether the window that span id is decoded with is what
// precedes the span: before is the last WindowSize bytes of that, or all if
// they are fewer. The error is nil.
func (l *gzipLayer) CheckWindow(id span.ID, before []byte) (ok bool, err error) {
	return bytes.Equal(l.checkpoints[id].dictionary(), before), nil
}

// CheckStart says whether decoding the layer leads from its first byte to the
// checkpoint of span 0 and gives nothing before that. lead is the blob up to and
// with the first byte of the span. The error is nil.
func (l *gzipLayer) CheckStart(lead []byte) (ok bool, err error) {
	return inflate.CheckLead(inflate.PadInput(lead), l.checkpoints[0].bit()) == nil, nil
}

// CheckEnd says whether the stream ends with the output of the last span, whose
// bytes are data. The error is nil.
func (l *gzipLayer) CheckEnd(data []byte) (ok bool, err error) {
	p := l.piece(l.list[len(l.list)-1], data)
	p.End = 8 * int64(len(data))
	_, err = p.Decode(nil)
	return err == nil, nil
}
