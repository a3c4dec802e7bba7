package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"cone/data"
)

func newDataPack() *cobra.Command {
	var megabytes, images int
	var shuffle uint64
	var onError string
	c := &cobra.Command{
		Use:   "pack SRC DST",
		Short: "Write a collection as tar shards",
		Long: `Write a collection as WebDataset tar shards, which disks read in long runs when
data.sampling.order is shards:
train-000000.tar, … and val-000000.tar, …, with each picture's own bytes and
its label, and classes.txt. Training images are put in random order.`,
		Example: `  cone data pack photos shards
  cone data pack photos shards --shard-mb 512 --shuffle 7
  cone train my.yaml --data shards`,
		Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			if megabytes < 1 || images < 0 {
				return usageError{errors.New("--shard-mb must be at least 1, and --shard-images 0 or more")}
			}
			if onError != "skip" && onError != "fail" {
				return usageError{fmt.Errorf("--on-error is %q: choose skip or fail", onError)}
			}
			collection, err := data.Open(dataAt(args[0]))
			if err != nil {
				return err
			}
			defer collection.Close()
			train, test, err := data.Pack(c.Context(), collection, args[1], data.PackOptions{
				ShardBytes: int64(megabytes) << 20, ShardImages: images, Seed: shuffle, OnError: onError,
			})
			if err != nil {
				return err
			}
			for _, part := range []struct {
				name   string
				result data.PackResult
			}{{"train", train}, {"val", test}} {
				for _, l := range part.result.Skipped {
					fmt.Fprintf(os.Stderr, "cone: skipped %s\n", l.Reason)
				}
				fmt.Printf("%s: %d pictures in %d shards, %.1f MB\n", part.name, part.result.Images, len(part.result.Shards), float64(part.result.Bytes)/1e6)
			}
			return nil
		},
	}
	c.Flags().IntVar(&megabytes, "shard-mb", 256, "largest size of a shard, in MiB")
	c.Flags().IntVar(&images, "shard-images", 0, "most pictures in a shard (0: any number)")
	c.Flags().Uint64Var(&shuffle, "shuffle", 0, "seed of the training images' order")
	c.Flags().StringVar(&onError, "on-error", "skip", "what becomes of files that are no pictures: skip or fail")
	return c
}
