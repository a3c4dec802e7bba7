package codec

import (
	"fmt"

	"cone/codec/internal/jpeg"
	"cone/picture"
)

// EncodeJPEG gives the baseline JPEG that Pillow saves with that quality, from
// 1 to 100: libjpeg's tables, the accurate DCT, chroma at half the height and
// width. A picture of 1 channel becomes a grey JPEG.
func EncodeJPEG(im *picture.Image, quality int) ([]byte, error) {
	if im.Channels != 1 && im.Channels != 3 || im.Bytes() == 0 || quality < 1 || quality > 100 {
		panic(fmt.Sprintf("codec: cannot encode %v with quality %d", im.Size, quality))
	}
	return jpeg.Encode(im.Pixels[:im.Bytes()], im.Height, im.Width, im.Channels, quality)
}
