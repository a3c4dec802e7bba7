package data

import "cone/augment"

// Order returns the order in which an epoch visits n images: a uniformly
// random permutation of 0…n−1 that is a pure function of its arguments.
//
// The algorithm is part of the contract, so that an order can be rebuilt
// elsewhere: start from 0, 1, …, n−1; for i = n−1 down to 1, swap entry i with
// entry j, where j is uniform in [0, i] and comes from IntN(i+1) of the stream
// augment.NewStream(seed, augment.PurposeOrder, epoch) (Fisher and Yates).
func Order(seed uint64, epoch, n int) []int {
	random := augment.NewStream(seed, augment.PurposeOrder, uint64(epoch))
	return permutation(&random, n)
}

func permutation(random *augment.Stream, n int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	for i := n - 1; i > 0; i-- {
		j := random.IntN(i + 1)
		order[i], order[j] = order[j], order[i]
	}
	return order
}
