// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package status

import (
	"slices"
	"strings"
)

// Image sums up the lazy layers of an image. Sizes are compressed bytes.
type Image struct {
	Name string `json:"name"`
	// State is that of the layer that is least far.
	State   string `json:"state"`
	Layers  int    `json:"lazy_layers"`
	Size    int64  `json:"size"`
	Missing int64  `json:"missing"`
}

// order is how far a layer is, by its state; anything else comes before.
var order = []string{"condemned", "described", "lazy", "whole", "proven", "plain"}

// Images sums layers up by image, sorted by name.
func Images(layers []Layer) []Image {
	sums := map[string]*Image{}
	for _, l := range layers {
		for _, name := range l.Images {
			s := sums[name]
			if s == nil {
				s = &Image{Name: name, State: l.State}
				sums[name] = s
			}
			if slices.Index(order, l.State) < slices.Index(order, s.State) {
				s.State = l.State
			}
			s.Layers++
			s.Size += l.Size
			s.Missing += l.Missing
		}
	}
	list := make([]Image, 0, len(sums))
	for _, s := range sums {
		list = append(list, *s)
	}
	slices.SortFunc(list, func(a, b Image) int { return strings.Compare(a.Name, b.Name) })
	return list
}
