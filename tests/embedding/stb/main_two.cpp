void ours_one();
void ours_two();

int main() {
    ours_one();
    ours_two();
    ours_one();
}
