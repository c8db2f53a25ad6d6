#pragma once
struct Layer {
    virtual ~Layer();
};
