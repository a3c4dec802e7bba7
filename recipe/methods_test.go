package recipe

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// with is the valid recipe with settings; perClass makes it fit for triplets.
func with(t *testing.T, settings ...string) Recipe {
	t.Helper()
	r := valid()
	for _, s := range settings {
		if err := Set(&r, s); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

var perClass = []string{"method.name=triplet", "data.sampling.order=per-class", "data.sampling.per_class=4"}

func TestMethodsRefuse(t *testing.T) {
	for _, c := range []struct {
		set  []string
		want string
	}{
		{[]string{"method.name=supcon", "augment=[]"}, "method.name is supcon, which compares two augmentations of every image, but augment has nothing random"},
		{[]string{"method.cone.views=2", "augment=[{resize: {size: 8}}]"}, "method.name is cone, which compares two augmentations"},
		{[]string{"method.name=supcon", "optim.accumulate=2"}, "optim.accumulate is 2, but method.name is supcon"},
		{append(perClass[:3:3], "optim.accumulate=2"), "optim.accumulate is 2, but method.name is triplet"},
		{[]string{"method.name=supcon", "batch=1", "model.head.batch_norm=false"}, "batch is 1, but method.name is supcon"},
		{[]string{"method.name=supcon", "augment=[{mixup: {}}]"}, "augment mixes pictures, but method.name is supcon"},
		{[]string{"method.name=margin", "augment=[{cutmix: {}}]"}, "augment mixes pictures, but method.name is margin"},
		{[]string{"method.name=triplet"}, "data.sampling.order is shuffle, but method.name is triplet, which needs several images of each class"},
		{[]string{"method.name=triplet", "data.sampling.order=per-class", "data.sampling.per_class=1"}, "data.sampling.per_class is 1, but method.name is triplet, which needs pairs"},
		{[]string{"method.name=triplet", "data.sampling.order=per-class", "data.sampling.per_class=1024"}, "which needs other classes to compare with"},
		{append(perClass[:3:3], "method.triplet.margin=-0.1"), "method.triplet.margin is -0.1: choose 0 or more"},
		{append(perClass[:3:3], "method.triplet.margin=2"), "method.triplet.margin is 2, but normalised embeddings are at most 2 apart"},
		{append(perClass[:3:3], "method.triplet.margin=4", "method.triplet.squared=true"), "at most 4 apart"},
		{append(perClass[:3:3], "method.triplet.mining=hardest"), `method.triplet.mining is "hardest", which is not known`},
		{append(perClass[:3:3], "method.triplet.joint=false", "evaluate.classifier=linear"), "evaluate.classifier is linear, but method.name is triplet, which trains no classifier"},
		{[]string{"method.name=supcon", "evaluate.classifier=linear"}, "set method.supcon.joint"},
		{[]string{"method.name=supcon", "method.supcon.temperature=0"}, "method.supcon.temperature is 0: choose a number above 0"},
		{[]string{"method.name=supcon", "method.supcon.base_temperature=-1"}, "method.supcon.base_temperature is -1"},
		{[]string{"method.name=supcon", "method.supcon.bank_size=-1"}, "method.supcon.bank_size is -1"},
		{[]string{"method.name=supcon", "method.supcon.key_momentum=2"}, "method.supcon.key_momentum is 2"},
		{[]string{"method.name=bce", "method.bce.threshold=1"}, "method.bce.threshold is 1: choose a number below 1"},
		{[]string{"method.name=margin", "method.margin.margin=1.6"}, "method.margin.margin is 1.6 but method.margin.kind is arcface"},
		{[]string{"method.name=margin", "method.margin.kind=cosface", "method.margin.margin=2"}, "method.margin.margin is 2 but method.margin.kind is cosface"},
		{[]string{"method.name=margin", "method.margin.kind=large-margin"}, "method.margin.margin is 0.5 but method.margin.kind is large-margin"},
		{[]string{"method.name=margin", "method.margin.kind=large-margin", "method.margin.margin=9"}, "choose a whole number from 1 to 8"},
		{[]string{"method.name=margin", "method.margin.kind=large-margin", "method.margin.margin=2", "method.margin.lambda=-1"}, "method.margin.lambda is -1"},
		{[]string{"method.name=margin", "method.margin.scale=0"}, "method.margin.scale is 0: choose a number above 0"},
		{[]string{"method.name=margin", "method.margin.scale=1e5"}, "method.margin.scale is 100000: choose at most 10000"},
		{[]string{"method.name=paco", "method.paco.center_weight=0"}, "method.paco.center_weight is 0: choose a number above 0"},
		{[]string{"method.name=paco", "method.paco.bank_size=0"}, "method.paco.bank_size is 0: choose at least 1"},
		{[]string{"method.name=paco", "optim.accumulate=2"}, "optim.accumulate is 2, but method.name is paco"},
		{[]string{"method.name=paco", "augment=[]"}, "method.name is paco, which compares two augmentations"},
		{[]string{"method.class_weights=[1, -1]"}, "method.class_weights[1] is -1: choose 0 or more"},
		{[]string{"method.class_weights=[0, 0]"}, "method.class_weights are all 0"},
		{[]string{"method.class_weights=[1, 1]", "method.balance_classes=true"}, "choose one of them"},
		{[]string{"method.smoothing=some"}, `method.smoothing is "some", which is not known`},
		{[]string{"method.cone.views=3"}, "method.cone.views is 3: choose at most 2"},
		{[]string{"method.cone.center_weight=-1"}, "method.cone.center_weight is -1"},
		{[]string{"method.cone.neighbor_from_epoch=-1"}, "method.cone.neighbor_from_epoch is -1"},
		{[]string{"method.name=cross-entropy", "model.head.placement=beside"}, "model.head.placement is beside, but method.name is cross-entropy, which has no use for the head"},
		{[]string{"method.name=supcon", "model.freeze=[net, head]"}, "model.freeze leaves nothing that method.name supcon trains"},
		{[]string{"evaluate.knn.k=0"}, "evaluate.knn.k is 0: choose at least 1"},
		{[]string{"evaluate.knn.temperature=0"}, "evaluate.knn.temperature is 0"},
		{[]string{"evaluate.classifier=svm"}, `evaluate.classifier is "svm", which is not known`},
		{[]string{"linear.epochs=-1"}, "linear.epochs is -1: choose at least 0"},
		{[]string{"linear.epochs=2", "linear.batch=0"}, "linear.batch is 0: choose at least 1"},
		{[]string{"linear.epochs=2", "linear.optim.lr=0"}, "linear.optim.lr is 0: choose a number above 0"},
		{[]string{"linear.epochs=2", "linear.optim.accumulate=3"}, "linear.batch is 512 but linear.optim.accumulate is 3"},
		{[]string{"linear.epochs=2", "model.freeze=[fc]"}, "model.freeze holds fc, but linear.epochs is 2"},
		{[]string{"linear.optim.name=sdg"}, `linear.optim.name is "sdg", which is not known: did you mean "sgd"?`},
		{[]string{"linear.epochs=2", "linear.augment=[{resize: {}}]"}, "linear.augment[0].resize.size is 0"},
	} {
		err := with(t, c.set...).Validate()
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v:\n got %v\nwant %s", c.set, err, c.want)
		}
	}
}

func TestMethodsAccept(t *testing.T) {
	for _, set := range [][]string{
		perClass,
		append(perClass[:3:3], "method.triplet.joint=false", "evaluate.classifier=knn"),
		append(perClass[:3:3], "method.triplet.normalize=false", "method.triplet.margin=50"),
		{"method.name=supcon"},
		{"method.name=supcon", "linear.epochs=2", "evaluate.classifier=linear"},
		{"method.name=supcon", "model.freeze=[net]"},
		{"method.name=cross-entropy", "model.head.placement=beside", "model.head.layers=0"},
		{"method.name=cross-entropy", "model.head.placement=beside", "model.freeze=[net, head]"},
		{"method.name=bce", "method.bce.threshold=0", "augment=[{mixup: {}}]"},
		{"method.name=margin", "method.margin.kind=large-margin", "method.margin.margin=4"},
		{"method.name=cross-entropy", "method.supcon.temperature=-1", "method.triplet.margin=9", "method.margin.margin=77"}, // others' settings
		{"linear.optim.lr=0"}, // there is no second stage
		{"method.name=supcon", "linear.epochs=2", "linear.batch=1"}, // a frozen norm needs no batch
	} {
		if err := with(t, set...).Validate(); err != nil {
			t.Errorf("%v: %v", set, err)
		}
		if err := with(t, set...).FinalStage().Validate(); err != nil {
			t.Errorf("the second stage of %v: %v", set, err)
		}
	}
}

func TestStages(t *testing.T) {
	r := with(t, append(perClass[:3:3], "epochs=7", "linear.epochs=3", "linear.batch=64", "linear.optim.lr=2",
		"evaluate.classifier=linear", "method.triplet.joint=false", "model.init=other", "model.freeze=[net.conv1]")...)
	original := r.Clone()
	first, second := r.FirstStage(), r.FinalStage()
	if first.HasStages() || first.Method.Name != "triplet" || !first.UsesKNN() || first.Epochs != 7 {
		t.Errorf("the first stage is %v", Diff(first, r))
	}
	if second.HasStages() || second.Method.Name != "cross-entropy" || second.Epochs != 3 || second.Batch != 64 || second.Optim.LR != 2 ||
		second.Data.Sampling.Order != "shuffle" || second.UsesKNN() || second.Model.Init != "" ||
		fmt.Sprint(second.Model.Freeze) != "[net.conv1 net head]" || !reflect.DeepEqual(second.Augment, r.Augment) {
		t.Errorf("the second stage is %v", Diff(second, r))
	}
	for _, stage := range []Recipe{first, second} {
		if err := stage.Validate(); err != nil {
			t.Error(err)
		}
	}
	if !reflect.DeepEqual(r, original) {
		t.Errorf("the recipe changed: %v", Diff(r, original))
	}
	r.Linear.Augment = []Step{{HorizontalFlip: &HorizontalFlip{0.5}}}
	if got := r.FinalStage().Augment; !reflect.DeepEqual(got, r.Linear.Augment) {
		t.Errorf("the second stage's augmentation is %+v", got)
	}
	plain := valid()
	if got := plain.FinalStage(); !reflect.DeepEqual(got, plain) {
		t.Errorf("without a second stage the recipe itself is evaluated: %v", Diff(got, plain))
	}
}
