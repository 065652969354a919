// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package fetch

import (
	"container/list"
	"context"
)

type orderKey struct{}

// WithOrder is ctx for transfers that wait in an order among those of their
// class: the lowest is next, and of equal ones who came first. What has no order
// is before all that have one.
func WithOrder(ctx context.Context, order string) context.Context {
	return context.WithValue(ctx, orderKey{}, order)
}

// Order is that of [WithOrder], or "".
func Order(ctx context.Context) string {
	order, _ := ctx.Value(orderKey{}).(string)
	return order
}

// queue puts w into q, in its order.
func queue(q *list.List, w *waiter) *list.Element {
	for e := q.Back(); e != nil; e = e.Prev() {
		if e.Value.(*waiter).order <= w.order {
			return q.InsertAfter(w, e)
		}
	}
	return q.PushFront(w)
}
