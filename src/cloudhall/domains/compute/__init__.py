"""The compute domain answers: where does it run. It declares no kinds yet; `placement/` is its library."""
